package pontoon;

import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.SQLException;
import java.util.Locale;

/** What is known of a database beyond what its driver tells. What is not known is assumed to its disadvantage. */
final class Product {
    enum Name {
        H2,
        HSQLDB,
        DERBY,
        SQLITE,
        POSTGRESQL,
        MARIADB,
        MYSQL,
        SQL_SERVER,
        ORACLE,
        OTHER
    }

    final Name name;
    /** Other statements can run while a cursor is open, and it stays. */
    final boolean nests;
    /** A running statement can be ended. */
    final boolean cancels;
    /** A cancel is of the whole connection, and stays until no statement of it is under way. */
    final boolean cancelsAll;
    /** How another connection ends the statement of a session, by the session's number; null where the driver's own cancel does it. */
    final String endsBy;
    /** What tells the number of a session. */
    final String sessionBy;
    /** MariaDB or MySQL. */
    final boolean mysql;
    /** A cancel that came too late can hit the next statement, unless this is run in between. */
    final String fence;
    /** An error takes the whole transaction along only if its SQLSTATE says so, by the class 40. */
    final boolean errorsAreOfStatements;
    /** {@code setReadOnly} keeps writes out, and is not a hint. */
    final boolean readOnlyHolds;
    /** {@code getGeneratedKeys} gives the keys, without changing the statement. */
    final boolean tellsKeys;
    /** A statement of several rows is asked for the key of the first. */
    final boolean keyOfFirst;
    /** Sets of parameters are worth being sent together. */
    final boolean batches;
    /** A prepared statement is not made anew when its tables or the session's schema have become others. */
    final boolean staysAsPrepared;
    /** The database lives in this process. */
    final boolean embedded;
    /** What makes a session as good as new; where there is nothing, it is opened anew. */
    final String reset;
    /** DDL commits the transaction that it stands in. */
    final boolean ddlCommits;
    /** The number that stands for snapshots, in {@code setTransactionIsolation}; 0 for none. */
    final int snapshot;

    private Product(Name name, boolean ddlCommits) {
        this.name = name;
        this.ddlCommits = ddlCommits;
        embedded = name == Name.H2 || name == Name.HSQLDB || name == Name.DERBY || name == Name.SQLITE;
        nests = embedded || name == Name.POSTGRESQL || name == Name.SQL_SERVER || name == Name.ORACLE;
        mysql = name == Name.MARIADB || name == Name.MYSQL;
        cancels = name != Name.DERBY;
        cancelsAll = name == Name.SQLITE;
        // The cancel of its driver waits until the statement is over.
        endsBy = name == Name.HSQLDB ? "ALTER SESSION %d END STATEMENT" : null;
        sessionBy = name == Name.HSQLDB ? "CALL SESSION_ID()" : null;
        fence = mysql ? "DO 0" : name == Name.HSQLDB ? "CALL 0" : null;
        errorsAreOfStatements = name == Name.H2 || name == Name.HSQLDB || name == Name.DERBY || name == Name.ORACLE;
        readOnlyHolds = name == Name.HSQLDB;
        keyOfFirst = mysql;
        tellsKeys = embedded || keyOfFirst;
        batches = !embedded;
        staysAsPrepared = !(name == Name.H2 || name == Name.SQLITE || name == Name.POSTGRESQL || mysql);
        reset = name == Name.POSTGRESQL
                ? "CLOSE ALL; UNLISTEN *; RESET SESSION AUTHORIZATION; RESET ALL; SELECT pg_advisory_unlock_all(); "
                        + "DISCARD TEMP; DISCARD SEQUENCES"
                : null;
        snapshot = name == Name.H2 ? 6 : name == Name.SQL_SERVER ? 4096 : 0;
    }

    static Product of(Connection connection) {
        String product = "";
        boolean ddlCommits = false;
        try {
            DatabaseMetaData data = connection.getMetaData();
            product = data.getDatabaseProductName();
            ddlCommits = data.dataDefinitionCausesTransactionCommit();
        } catch (SQLException | RuntimeException | AbstractMethodError unknown) {
            // It is a database that nothing is known of.
        }
        return new Product(name(product == null ? "" : product.toLowerCase(Locale.ROOT)), ddlCommits);
    }

    private static Name name(String product) {
        if (product.equals("h2")) {
            return Name.H2;
        } else if (product.startsWith("hsql")) {
            return Name.HSQLDB;
        } else if (product.contains("derby")) {
            return Name.DERBY;
        } else if (product.startsWith("sqlite")) {
            return Name.SQLITE;
        } else if (product.startsWith("postgresql")) {
            return Name.POSTGRESQL;
        } else if (product.startsWith("mariadb")) {
            return Name.MARIADB;
        } else if (product.startsWith("mysql")) {
            return Name.MYSQL;
        } else if (product.startsWith("microsoft sql server")) {
            return Name.SQL_SERVER;
        } else if (product.startsWith("oracle")) {
            return Name.ORACLE;
        }
        return Name.OTHER;
    }

    boolean is(Name other) {
        return name == other;
    }

    /** Whether an error has taken the whole transaction along. */
    boolean endsTransaction(SQLException error) {
        String state = error.getSQLState();
        // HSQLDB has a state of lost transactions for a statement that was ended alone.
        boolean ofStatement = is(Name.HSQLDB) && error.getErrorCode() == -4872;
        return state != null && state.startsWith("40") && !ofStatement;
    }

    /** Whether a value that the driver has no type for goes as text. */
    boolean keepsOffsets() {
        return !is(Name.SQLITE) && !mysql;
    }
}
