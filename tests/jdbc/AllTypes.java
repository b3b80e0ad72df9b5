import java.io.ByteArrayInputStream;
import java.io.StringReader;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Blob;
import java.sql.Clob;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Driver;
import java.sql.DriverPropertyInfo;
import java.sql.PreparedStatement;
import java.sql.Ref;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.RowId;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.SQLXML;
import java.sql.Statement;
import java.sql.Struct;
import java.sql.Types;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.OffsetTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import java.util.logging.Logger;

/**
 * A driver without a database. A query gives one row with a column for each type that Java knows, called as the type is;
 * and behind them some of a driver's own types, whose values are objects. The query {@code nulls} gives NULL in all of
 * them.
 */
public final class AllTypes implements Driver, InvocationHandler {
    private static final List<String> NAMES = new ArrayList<>();
    private static final List<Integer> CODES = new ArrayList<>();
    /** Of the columns behind those of the standard. */
    private static final Object[] OBJECTS = {
        OffsetTime.parse("12:34:56+01:00"),
        Instant.parse("2024-02-29T12:00:00Z"),
        List.of(1L, "two"),
        new Object[] {LocalDate.of(2024, 2, 29), UUID.fromString("01234567-89ab-cdef-0123-456789abcdef")},
    };

    static {
        try {
            for (Field field : Types.class.getFields()) {
                NAMES.add(field.getName());
                CODES.add(field.getInt(null));
            }
        } catch (IllegalAccessException failure) {
            throw new IllegalStateException(failure);
        }
        for (Object object : OBJECTS) {
            NAMES.add(object.getClass().isArray() ? "array" : object instanceof List ? "list" : object.getClass().getSimpleName());
            CODES.add(-12345);
        }
    }

    private final boolean nulls;
    private boolean begun;

    public AllTypes() {
        this(false);
    }

    private AllTypes(boolean nulls) {
        this.nulls = nulls;
    }

    @Override
    public Connection connect(String url, Properties properties) {
        return proxy(Connection.class, this);
    }

    private static <T> T proxy(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
    }

    @Override
    public Object invoke(Object self, Method method, Object[] arguments) throws Throwable {
        int column = arguments != null && arguments.length > 0 && arguments[0] instanceof Integer number ? number - 1 : -1;
        switch (method.getName()) {
            case "prepareStatement":
                return proxy(PreparedStatement.class, new AllTypes(arguments[0].equals("SELECT nulls")));
            case "createStatement":
                return proxy(Statement.class, new AllTypes());
            case "getResultSet":
                begun = false;
                return proxy(ResultSet.class, this);
            case "getMetaData":
                return self instanceof ResultSet ? proxy(ResultSetMetaData.class, this) : proxy(DatabaseMetaData.class, this);
            case "getAutoCommit":
            case "isValid":
            case "execute":
            case "isSigned":
                return true;
            case "next":
                boolean first = !begun;
                begun = true;
                return first;
            case "wasNull":
                return nulls;
            case "getColumnCount":
                return NAMES.size();
            case "getColumnLabel":
                return NAMES.get(column);
            case "getColumnType":
                return CODES.get(column);
            case "getColumnTypeName":
                return CODES.get(column) == -12345 ? "own" : NAMES.get(column);
            case "getPrecision":
                return 1;
            default:
                Class<?> type = method.getReturnType();
                if (type == int.class) {
                    return 0;
                } else if (self instanceof ResultSet && column >= 0) {
                    return nulls ? nothing(type) : cell(method.getName(), column, arguments);
                }
                return type == String.class ? "AllTypes" : nothing(type);
        }
    }

    private static Object nothing(Class<?> type) {
        if (type == boolean.class) {
            return false;
        } else if (type == long.class) {
            return 0L;
        } else if (type == float.class) {
            return 0F;
        } else if (type == double.class) {
            return 0.0;
        }
        return null;
    }

    private static Object cell(String getter, int column, Object[] arguments) throws SQLException {
        String name = NAMES.get(column);
        switch (getter) {
            case "getLong":
                return 7L;
            case "getBoolean":
                return true;
            case "getFloat":
                return 0.5F;
            case "getDouble":
                return 0.25;
            case "getBigDecimal":
                return new BigDecimal("12.50");
            case "getBytes":
                return new byte[] {0, -1};
            case "getBlob":
                return proxy(Blob.class, (self, method, none) ->
                        method.getName().equals("getBinaryStream") ? new ByteArrayInputStream(new byte[] {1, 2}) : null);
            case "getClob":
                return proxy(Clob.class, (self, method, none) ->
                        method.getName().equals("getCharacterStream") ? new StringReader("long") : null);
            case "getArray":
                return proxy(Array.class, (self, method, none) ->
                        method.getName().equals("getArray") ? new Object[] {1L, null} : null);
            case "getString":
                switch (name) {
                    case "ROWID":
                    case "SQLXML":
                    case "STRUCT":
                    case "REF":
                        throw new SQLFeatureNotSupportedException(name + " as a text");
                    default:
                        if (CODES.get(column) == -12345) {
                            throw new SQLFeatureNotSupportedException("an object as a text");
                        }
                        return "text";
                }
            default:
                return object(name, column, arguments);
        }
    }

    private static Object object(String name, int column, Object[] arguments) {
        Object wanted = arguments.length > 1 ? arguments[1] : null;
        if (wanted == LocalDate.class) {
            return LocalDate.of(2024, 2, 29);
        } else if (wanted == LocalTime.class) {
            return LocalTime.of(12, 34, 56);
        } else if (wanted == LocalDateTime.class) {
            return LocalDateTime.of(2024, 2, 29, 12, 34, 56, 789);
        } else if (wanted == OffsetDateTime.class) {
            return OffsetDateTime.parse("2024-02-29T12:34:56+02:00");
        }
        switch (name) {
            case "NULL":
                return null;
            case "ROWID":
                return proxy(RowId.class, (self, method, none) -> method.getName().equals("toString") ? "row 7" : null);
            case "SQLXML":
                return proxy(SQLXML.class, (self, method, none) -> method.getName().equals("getString") ? "<a/>" : null);
            case "STRUCT":
                return proxy(Struct.class, (self, method, none) ->
                        method.getName().equals("getAttributes") ? new Object[] {1, "a"} : null);
            case "REF":
                return proxy(Ref.class, (self, method, none) -> method.getName().equals("getBaseTypeName") ? "SHOP" : null);
            default:
                int first = NAMES.size() - OBJECTS.length;
                return column >= first ? OBJECTS[column - first] : "text";
        }
    }

    @Override
    public boolean acceptsURL(String url) {
        return url.startsWith("jdbc:alltypes:");
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
