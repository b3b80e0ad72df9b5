package pontoon;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Prepared statements that were used and will be again. One that is in use is not among them.
 *
 * <p>Where a prepared statement stays what it was when its tables or the schema become others, none is kept past a statement
 * that may have made them so: HSQLDB would write a number into what is a column of truth values by now, and rows into the
 * schema that was left.
 */
final class Statements {
    private static final int MOST = 64;
    /** How often connections of this process have defined something. */
    private static final AtomicInteger DEFINED = new AtomicInteger();

    private final Connection connection;
    private final boolean stays;
    private final LinkedHashMap<String, PreparedStatement> kept = new LinkedHashMap<>();
    private int seen = DEFINED.get();
    private int generation;

    Statements(Connection connection, Product product) {
        this.connection = connection;
        stays = product.staysAsPrepared;
    }

    /** Grows whenever those that are kept, or are in use, are not to be used again. */
    int generation() {
        return generation;
    }

    /** What a statement that was run may have done to those that are prepared, whether it succeeded or not. */
    void ran(String sql) {
        if (stays && !Words.isPlain(sql)) {
            if (Words.isDefinition(sql)) {
                DEFINED.incrementAndGet();
            }
            forget();
        }
    }

    private void forget() {
        seen = DEFINED.get();
        generation++;
        for (PreparedStatement statement : kept.values()) {
            try {
                statement.close();
            } catch (SQLException | RuntimeException failure) {
                // It goes with its connection.
            }
        }
        kept.clear();
    }

    PreparedStatement take(String sql, boolean keys) throws SQLException {
        if (stays && seen != DEFINED.get()) {
            forget();
        }
        PreparedStatement statement = kept.remove(keys ? "\0" + sql : sql);
        if (statement != null) {
            return statement;
        }
        return keys ? connection.prepareStatement(sql, Statement.RETURN_GENERATED_KEYS) : connection.prepareStatement(sql);
    }

    void giveBack(String sql, boolean keys, PreparedStatement statement) throws SQLException {
        if (!Words.isPlain(sql)) {
            statement.close();
            return;
        }
        PreparedStatement other = kept.put(keys ? "\0" + sql : sql, statement);
        if (other != null) {
            other.close();
        }
        if (kept.size() > MOST) {
            Iterator<PreparedStatement> oldest = kept.values().iterator();
            oldest.next().close();
            oldest.remove();
        }
    }
}
