package pontoon;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;

/** Ends what runs on a connection: by the driver's own cancel, or by another connection where that would wait for it. */
final class Ending {
    private final Map<String, String> given;
    /** What the other connection says; null where the driver's own cancel does it. */
    private final String order;

    Ending(Connection connection, Product product, Map<String, String> given) throws SQLException {
        this.given = given;
        String order = null;
        if (product.endsBy != null) {
            try (Statement statement = connection.createStatement(); ResultSet session = statement.executeQuery(product.sessionBy)) {
                order = session.next() ? String.format(product.endsBy, session.getLong(1)) : null;
            }
        }
        this.order = order;
    }

    void end(Statement running) throws Exception {
        if (order == null) {
            running.cancel();
            return;
        }
        try (Connection other = Drivers.connect(given); Statement statement = other.createStatement()) {
            statement.execute(order);
        }
    }
}
