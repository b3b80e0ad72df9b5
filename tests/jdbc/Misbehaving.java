import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Driver;
import java.sql.DriverPropertyInfo;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.logging.Logger;

/** A driver without a database, which does in a statement what the statement says. */
public final class Misbehaving implements Driver, InvocationHandler {
    private final String sql;

    public Misbehaving() {
        this("");
    }

    private Misbehaving(String sql) {
        this.sql = sql;
    }

    @Override
    public Connection connect(String url, Properties properties) throws SQLException {
        if (url.endsWith("refuses")) {
            throw new SQLException("no entry to " + url + " with " + properties, "28000");
        }
        return proxy(Connection.class, "");
    }

    private static <T> T proxy(Class<T> type, String sql) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, new Misbehaving(sql)));
    }

    @Override
    public Object invoke(Object self, Method method, Object[] arguments) throws Throwable {
        switch (method.getName()) {
            case "prepareStatement":
                return proxy(PreparedStatement.class, (String) arguments[0]);
            case "createStatement":
                return proxy(Statement.class, "");
            case "getMetaData":
                return proxy(DatabaseMetaData.class, "");
            case "getAutoCommit":
            case "isValid":
            case "supportsTransactions":
                return true;
            case "commit":
                Runtime.getRuntime().halt(9);
                return null;
            case "execute":
                misbehave();
                return false;
            default:
                return nothing(method.getReturnType());
        }
    }

    private void misbehave() throws Exception {
        switch (sql) {
            case "CALL exit":
                System.exit(7);
                break;
            case "CALL hang":
                while (true) {
                    try {
                        Thread.sleep(Long.MAX_VALUE);
                    } catch (InterruptedException overheard) {
                        // It does not listen.
                    }
                }
            case "CALL chatter":
                for (int i = 0; i < 100_000; i++) {
                    System.out.println("a line that is no frame, number " + i);
                    System.err.println("nor is this");
                }
                break;
            case "CALL recursion":
                recursion(0);
                break;
            case "CALL strange":
                throw new IllegalStateException("an exception that is none of SQL's");
            default:
                break;
        }
    }

    private static int recursion(int depth) {
        return recursion(depth + 1) + 1;
    }

    private static Object nothing(Class<?> type) {
        if (type == boolean.class) {
            return false;
        } else if (type == int.class) {
            return 0;
        } else if (type == long.class) {
            return 0L;
        } else if (type == String.class) {
            return "Misbehaving";
        }
        return null;
    }

    @Override
    public boolean acceptsURL(String url) {
        return url.startsWith("jdbc:misbehaving:");
    }

    @Override
    public DriverPropertyInfo[] getPropertyInfo(String url, Properties properties) {
        return new DriverPropertyInfo[0];
    }

    @Override
    public int getMajorVersion() {
        return 1;
    }

    @Override
    public int getMinorVersion() {
        return 0;
    }

    @Override
    public boolean jdbcCompliant() {
        return false;
    }

    @Override
    public Logger getParentLogger() {
        return null;
    }
}
