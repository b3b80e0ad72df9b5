package pontoon;

import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.Savepoint;
import java.util.HashMap;
import java.util.Map;

/**
 * What is open on a connection, and JDBC's own way to open and end it.
 *
 * <p>Where the database tells what is open, the library begins and ends transactions by the database's own SQL, and
 * autocommit stays on: with autocommit off a driver begins another transaction by itself when the database has ended one.
 * Where it does not, there is only {@code setAutoCommit}.
 */
final class Transactions {
    static final int IDLE = 0;
    static final int OPEN = 1;
    static final int FAILED = 2;
    static final int UNKNOWN = 3;

    /** The levels by their numbers in the protocol. */
    private static final String[] LEVELS = {
        "", "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "SNAPSHOT",
    };

    private final Connection connection;
    private final Product product;
    private final Map<Integer, Savepoint> savepoints = new HashMap<>();
    /** What PostgreSQL's driver has read off the wire: {@code getTransactionState()}. */
    private final Object wire;
    private final Method wireState;
    /** A transaction of JDBC's own is open: autocommit is off. */
    private boolean manual;
    /** Autocommit was switched off for a transaction that a script began. */
    private boolean startedBySql;
    /** Nobody can tell what an error has left of it. */
    private boolean doubtful;
    private int isolationBefore;
    private boolean readOnlyBefore;

    Transactions(Connection connection, Product product) {
        this.connection = connection;
        this.product = product;
        Object wire = null;
        Method state = null;
        if (product.is(Product.Name.POSTGRESQL)) {
            try {
                Class<?> base = Class.forName("org.postgresql.core.BaseConnection", true, connection.getClass().getClassLoader());
                wire = connection.unwrap(base);
                state = base.getMethod("getTransactionState");
            } catch (ReflectiveOperationException | SQLException | RuntimeException another) {
                // A driver for the same database by somebody else: then the library asks by SQL.
                wire = null;
            }
        }
        this.wire = wire;
        wireState = wire == null ? null : state;
    }

    /** Whether the library is to begin and end transactions by the database's own SQL. */
    boolean bySql() {
        switch (product.name) {
            case POSTGRESQL:
            case SQLITE:
            case MARIADB:
            case MYSQL:
            case SQL_SERVER:
                return true;
            default:
                return false;
        }
    }

    /** What is known without asking. Where the database can be asked by SQL, the library does. */
    int told() {
        if (wireState != null) {
            return wire();
        } else if (bySql() || doubtful) {
            return UNKNOWN;
        }
        return manual || isAutocommitOff() ? OPEN : IDLE;
    }

    /** Of databases that live in this process the driver knows it from the database itself, whoever switched it off. */
    private boolean isAutocommitOff() {
        try {
            return product.errorsAreOfStatements && !connection.getAutoCommit();
        } catch (SQLException | RuntimeException closed) {
            return false;
        }
    }

    private int wire() {
        try {
            switch (((Enum<?>) wireState.invoke(wire)).name()) {
                case "IDLE":
                    return connection.isClosed() ? UNKNOWN : IDLE;
                case "OPEN":
                    return OPEN;
                default:
                    return FAILED;
            }
        } catch (ReflectiveOperationException | SQLException | RuntimeException failure) {
            return UNKNOWN;
        }
    }

    /** A statement that begins or ends something is next: HSQLDB begins nothing while autocommit is on. */
    void controls(String sql) throws SQLException {
        if (product.is(Product.Name.HSQLDB) && Words.isStart(sql) && connection.getAutoCommit()) {
            connection.setAutoCommit(false);
            startedBySql = true;
        }
    }

    /** Such a statement has been run, or has failed: PostgreSQL's driver has cursors only without autocommit. */
    void controlled(String sql, boolean succeeded) throws SQLException {
        if (startedBySql && (succeeded ? Words.isEnd(sql) : Words.isStart(sql))) {
            startedBySql = false;
            connection.setAutoCommit(true);
        }
        if (wireState == null) {
            return;
        }
        boolean idle = wire() == IDLE;
        if (connection.getAutoCommit() != idle) {
            connection.setAutoCommit(idle);
        }
    }

    /** What a statement that succeeded has done to a transaction of JDBC's own. */
    void ran(String sql) throws SQLException {
        if (manual && product.ddlCommits && Words.isDefinition(sql)) {
            savepoints.clear();
            end();
        }
    }

    /** What an error has left of a transaction of JDBC's own. */
    void failed(Throwable failure, String sql) {
        if (!manual) {
            return;
        }
        try {
            if (!product.errorsAreOfStatements || !(failure instanceof SQLException error)) {
                doubtful = true;
            } else if (product.endsTransaction(error)) {
                rollback();
            } else if (sql != null && product.ddlCommits && Words.isDefinition(sql)) {
                // It committed before it failed.
                savepoints.clear();
                connection.rollback();
                end();
            }
        } catch (SQLException | RuntimeException second) {
            doubtful = true;
        }
    }

    /** Begins; refuses what the driver has not, before anything has happened. */
    void begin(int isolation, int access) throws SQLException {
        DatabaseMetaData data = connection.getMetaData();
        if (!data.supportsTransactions()) {
            throw new SQLFeatureNotSupportedException("the driver has no transactions");
        } else if (access == 1 && !product.readOnlyHolds) {
            throw new SQLFeatureNotSupportedException("this driver takes read-only for a hint, and would let writes pass");
        }
        int level = level(isolation);
        if (isolation != 0 && (level == 0 || isolation != 5 && !data.supportsTransactionIsolationLevel(level))) {
            throw new SQLFeatureNotSupportedException("the driver has no isolation level " + LEVELS[isolation]);
        }
        isolationBefore = connection.getTransactionIsolation();
        readOnlyBefore = product.readOnlyHolds && connection.isReadOnly();
        try {
            if (level != 0 && level != isolationBefore) {
                connection.setTransactionIsolation(level);
            }
            if (product.readOnlyHolds && access != 0 && readOnlyBefore != (access == 1)) {
                connection.setReadOnly(access == 1);
            }
            connection.setAutoCommit(false);
        } catch (SQLException | RuntimeException failure) {
            end();
            throw failure;
        }
        manual = true;
    }

    private int level(int isolation) {
        switch (isolation) {
            case 1:
                return Connection.TRANSACTION_READ_UNCOMMITTED;
            case 2:
                return Connection.TRANSACTION_READ_COMMITTED;
            case 3:
                return Connection.TRANSACTION_REPEATABLE_READ;
            case 4:
                return Connection.TRANSACTION_SERIALIZABLE;
            case 5:
                return product.snapshot;
            default:
                return 0;
        }
    }

    /** The levels there are, as the protocol counts them. */
    String levels() throws SQLException {
        DatabaseMetaData data = connection.getMetaData();
        StringBuilder levels = new StringBuilder();
        for (int isolation = 1; isolation <= 5; isolation++) {
            int level = level(isolation);
            if (level != 0 && (isolation == 5 || data.supportsTransactionIsolationLevel(level))) {
                levels.append(levels.length() == 0 ? "" : ",").append(isolation);
            }
        }
        return levels.toString();
    }

    void commit() throws SQLException {
        connection.commit();
        savepoints.clear();
        end();
    }

    void rollback() throws SQLException {
        savepoints.clear();
        if (manual || !connection.getAutoCommit()) {
            connection.rollback();
        }
        end();
    }

    /** Back to autocommit, and to what there was before. */
    private void end() throws SQLException {
        manual = false;
        startedBySql = false;
        if (!connection.getAutoCommit()) {
            connection.setAutoCommit(true);
        }
        if (isolationBefore != 0 && connection.getTransactionIsolation() != isolationBefore) {
            connection.setTransactionIsolation(isolationBefore);
        }
        if (product.readOnlyHolds && connection.isReadOnly() != readOnlyBefore) {
            connection.setReadOnly(readOnlyBefore);
        }
        isolationBefore = 0;
    }

    void savepoint(int number) throws SQLException {
        savepoints.put(number, connection.setSavepoint());
    }

    void release(int number) throws SQLException {
        Savepoint savepoint = savepoints.remove(number);
        if (savepoint == null) {
            throw new SQLException("there is no savepoint of this number", "3B001");
        }
        try {
            connection.releaseSavepoint(savepoint);
        } catch (SQLFeatureNotSupportedException none) {
            // It goes with the transaction.
        } catch (SQLException failure) {
            if (!product.is(Product.Name.ORACLE) && !product.is(Product.Name.SQL_SERVER)) {
                throw failure;
            }
        }
    }

    void rollbackTo(int number) throws SQLException {
        Savepoint savepoint = savepoints.get(number);
        if (savepoint == null) {
            throw new SQLException("there is no savepoint of this number", "3B001");
        }
        connection.rollback(savepoint);
        if (product.is(Product.Name.HSQLDB)) {
            // Its driver takes a savepoint that was rolled back to for one that is gone; the next one stands at the same place.
            savepoints.put(number, connection.setSavepoint());
        }
    }
}
