package pontoon;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Iterator;
import java.util.LinkedHashMap;

/** Prepared statements that were used and will be again. One that is in use is not among them. */
final class Statements {
    private static final int MOST = 64;

    private final Connection connection;
    private final LinkedHashMap<String, PreparedStatement> kept = new LinkedHashMap<>();

    Statements(Connection connection) {
        this.connection = connection;
    }

    PreparedStatement take(String sql, boolean keys) throws SQLException {
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
