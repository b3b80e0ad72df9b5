package pontoon;

import java.io.InputStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Array;
import java.sql.Blob;
import java.sql.Clob;
import java.sql.Ref;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLXML;
import java.sql.Struct;
import java.sql.Types;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.Locale;
import java.util.UUID;

/** An open result: what its columns are, and its cells on their way out. */
final class Rows {
    // How a column is read.
    private static final int LONG = 0;
    private static final int BOOL = 1;
    private static final int FLOAT = 2;
    private static final int DOUBLE = 3;
    private static final int DECIMAL = 4;
    private static final int TEXT = 5;
    private static final int BYTES = 6;
    private static final int DATE = 7;
    private static final int TIME = 8;
    private static final int TIMESTAMP = 9;
    private static final int TIMESTAMP_TZ = 10;
    private static final int UNSIGNED = 11;
    private static final int BLOB = 12;
    private static final int CLOB = 13;
    private static final int JSON = 14;
    private static final int ARRAY = 15;
    private static final int OBJECT = 16;
    private static final int OTHER = 17;
    /** As it is stored, made what its column was declared as where it fits: SQLite. */
    private static final int STORED = 18;

    private static final int[] TAGS = {
        Tag.SIGNED, Tag.BOOL, Tag.FLOAT, Tag.DOUBLE, Tag.DECIMAL, Tag.TEXT, Tag.BYTES, Tag.DATE, Tag.TIME, Tag.TIMESTAMP,
        Tag.TIMESTAMP_TZ, Tag.UNSIGNED, Tag.BYTES, Tag.TEXT, Tag.JSON, Tag.ARRAY, Tag.NULL, Tag.OTHER, Tag.NULL,
    };

    private static final int DEEPEST_ARRAY = 16;

    private final ResultSet result;
    private final int width;
    private final String[] names;
    private final String[] types;
    private final int[] readings;
    private final int[] tags;
    /** The cursor stands on a row that has not been sent. */
    private boolean onRow;

    Rows(ResultSet result, Product product) throws SQLException {
        this.result = result;
        ResultSetMetaData data = result.getMetaData();
        width = data.getColumnCount();
        names = new String[width];
        types = new String[width];
        readings = new int[width];
        tags = new int[width];
        // Types are asked for on a row: SQLite's driver looks at what is there.
        onRow = result.next();
        for (int i = 0; i < width; i++) {
            names[i] = data.getColumnLabel(i + 1);
            types[i] = data.getColumnTypeName(i + 1);
            readings[i] = reading(data, i + 1, types[i] == null ? "" : types[i].toLowerCase(Locale.ROOT), product);
            tags[i] = TAGS[readings[i]];
            if (readings[i] == STORED) {
                tags[i] = declared(types[i]);
            } else if (readings[i] == OBJECT && "uuid".equalsIgnoreCase(types[i])) {
                tags[i] = Tag.UUID;
            }
        }
    }

    private static int reading(ResultSetMetaData data, int column, String type, Product product) throws SQLException {
        if (product.is(Product.Name.SQLITE)) {
            return STORED;
        }
        switch (data.getColumnType(column)) {
            case Types.BOOLEAN:
                return BOOL;
            case Types.BIT:
                // One bit is a truth value, more of them are none; PostgreSQL's bool is called a bit.
                boolean one = type.startsWith("bool") || data.getPrecision(column) <= 1 && !product.is(Product.Name.POSTGRESQL);
                return one ? BOOL : product.is(Product.Name.MARIADB) ? BYTES : OTHER;
            case Types.TINYINT:
            case Types.SMALLINT:
            case Types.INTEGER:
                return LONG;
            case Types.BIGINT:
                return !product.mysql || data.isSigned(column) ? LONG : UNSIGNED;
            case Types.REAL:
                return FLOAT;
            case Types.FLOAT:
            case Types.DOUBLE:
                // An amount of money of PostgreSQL's is exact, and has a sign of a currency.
                return type.equals("money") ? OTHER : type.equals("float") && product.mysql ? FLOAT : DOUBLE;
            case Types.NUMERIC:
            case Types.DECIMAL:
                return DECIMAL;
            case Types.CHAR:
            case Types.VARCHAR:
            case Types.LONGVARCHAR:
            case Types.NCHAR:
            case Types.NVARCHAR:
            case Types.LONGNVARCHAR:
                return type.startsWith("json") ? JSON : type.startsWith("interval") ? OTHER : TEXT;
            case Types.CLOB:
            case Types.NCLOB:
                return CLOB;
            case Types.BINARY:
            case Types.VARBINARY:
            case Types.LONGVARBINARY:
                return type.equals("uuid") ? OBJECT : BYTES;
            case Types.BLOB:
                return BLOB;
            case Types.DATE:
                // Oracle's has a time of day.
                return product.is(Product.Name.ORACLE) ? TIMESTAMP : DATE;
            case Types.TIME:
                return type.equals("timetz") ? OTHER : TIME;
            case Types.TIMESTAMP:
                return type.equals("timestamptz") ? TIMESTAMP_TZ : TIMESTAMP;
            case Types.TIMESTAMP_WITH_TIMEZONE:
                return TIMESTAMP_TZ;
            case Types.ARRAY:
                return ARRAY;
            case Types.NULL:
                return OBJECT;
            case Types.OTHER:
            case Types.JAVA_OBJECT:
                return type.startsWith("json") ? JSON : type.equals("uuid") ? OBJECT : OTHER;
            default:
                // Of SQL Server, Oracle: types of the driver's own, with times and offsets among them.
                return type.contains("with time zone") || type.equals("datetimeoffset") ? TIMESTAMP_TZ : OTHER;
        }
    }

    /** What a column of SQLite was declared as. */
    private static int declared(String type) {
        if (type == null) {
            return Tag.NULL;
        }
        int end = type.indexOf('(');
        switch ((end < 0 ? type : type.substring(0, end)).trim().toUpperCase(Locale.ROOT)) {
            case "BOOL":
            case "BOOLEAN":
                return Tag.BOOL;
            case "DECIMAL":
            case "DEC":
            case "NUMERIC":
            case "NUMBER":
                return Tag.DECIMAL;
            case "DATE":
                return Tag.DATE;
            case "TIME":
                return Tag.TIME;
            case "DATETIME":
            case "TIMESTAMP":
                return Tag.TIMESTAMP;
            case "TIMESTAMPTZ":
            case "DATETIMETZ":
                return Tag.TIMESTAMP_TZ;
            case "UUID":
            case "GUID":
            case "UNIQUEIDENTIFIER":
                return Tag.UUID;
            case "JSON":
                return Tag.JSON;
            default:
                return Tag.NULL;
        }
    }

    void writeColumns(Answer out) {
        out.i32(width);
        for (int i = 0; i < width; i++) {
            out.text(names[i] == null ? "" : names[i]).textOrNull(types[i]).u8(tags[i]);
        }
    }

    /** Writes a batch; true if it was the last. */
    boolean writeBatch(Answer out, int rows, int bytes) throws SQLException {
        int place = out.size();
        out.i32(0);
        int written = 0;
        while (onRow && written < rows && (written == 0 || out.size() - place < bytes)) {
            for (int i = 0; i < width; i++) {
                cell(out, i);
            }
            written++;
            onRow = result.next();
        }
        out.put32(place, written);
        return !onRow;
    }

    /** Goes to the end; how many rows there were. */
    long count() throws SQLException {
        long count = 0;
        while (onRow) {
            count++;
            onRow = result.next();
        }
        return count;
    }

    private void cell(Answer out, int i) throws SQLException {
        int column = i + 1;
        switch (readings[i]) {
            case LONG:
                long number = result.getLong(column);
                if (number == 0 && result.wasNull()) {
                    out.aNull(Tag.SIGNED);
                } else {
                    out.aLong(number);
                }
                return;
            case BOOL:
                boolean truth = result.getBoolean(column);
                if (!truth && result.wasNull()) {
                    out.aNull(Tag.BOOL);
                } else {
                    out.aBool(truth);
                }
                return;
            case FLOAT:
                float single = result.getFloat(column);
                if (single == 0 && result.wasNull()) {
                    out.aNull(Tag.FLOAT);
                } else {
                    out.aFloat(single);
                }
                return;
            case DOUBLE:
                double real = result.getDouble(column);
                if (real == 0 && result.wasNull()) {
                    out.aNull(Tag.DOUBLE);
                } else {
                    out.aDouble(real);
                }
                return;
            case DECIMAL:
                decimal(out, column);
                return;
            case TEXT:
                text(out, result.getString(column), Tag.TEXT);
                return;
            case JSON:
                text(out, result.getString(column), Tag.JSON);
                return;
            case BYTES:
                bytes(out, result.getBytes(column));
                return;
            case BLOB:
                blob(out, result.getBlob(column));
                return;
            case CLOB:
                clob(out, result.getClob(column));
                return;
            case DATE:
            case TIME:
            case TIMESTAMP:
            case TIMESTAMP_TZ:
                civil(out, i);
                return;
            case UNSIGNED:
                BigDecimal unsigned = result.getBigDecimal(column);
                if (unsigned == null) {
                    out.aNull(Tag.UNSIGNED);
                } else {
                    out.anUnsigned(unsigned);
                }
                return;
            case ARRAY:
                array(out, result.getArray(column), i);
                return;
            case STORED:
                stored(out, result.getObject(column), i);
                return;
            case OBJECT:
                object(out, result.getObject(column), types[i], tags[i], 0);
                return;
            default:
                other(out, i);
        }
    }

    /** What has no kind of its own: its text, as the driver makes it, or as its object shows it where the driver makes none. */
    private void other(Answer out, int i) throws SQLException {
        String text = null;
        Object object = null;
        try {
            text = result.getString(i + 1);
        } catch (SQLException | RuntimeException none) {
            object = result.getObject(i + 1);
        }
        if (text != null) {
            out.other(types[i] == null ? "" : types[i], text);
        } else {
            object(out, object, types[i], Tag.OTHER, 0);
        }
    }

    private void text(Answer out, String text, int tag) {
        if (text == null) {
            out.aNull(tag);
        } else {
            out.u8(tag).text(text);
        }
    }

    private void bytes(Answer out, byte[] bytes) {
        if (bytes == null) {
            out.aNull(Tag.BYTES);
        } else {
            out.someBytes(bytes);
        }
    }

    private void blob(Answer out, Blob blob) throws SQLException {
        if (blob == null) {
            out.aNull(Tag.BYTES);
            return;
        }
        try (InputStream stream = blob.getBinaryStream()) {
            out.someBytes(stream.readAllBytes());
        } catch (java.io.IOException failure) {
            throw new SQLException("a large object could not be read", failure);
        } finally {
            blob.free();
        }
    }

    private void clob(Answer out, Clob clob) throws SQLException {
        if (clob == null) {
            out.aNull(Tag.TEXT);
            return;
        }
        try (java.io.Reader reader = clob.getCharacterStream()) {
            java.io.StringWriter whole = new java.io.StringWriter();
            reader.transferTo(whole);
            out.aText(whole.toString());
        } catch (java.io.IOException failure) {
            throw new SQLException("a large object could not be read", failure);
        } finally {
            clob.free();
        }
    }

    private void decimal(Answer out, int column) throws SQLException {
        BigDecimal value;
        try {
            value = result.getBigDecimal(column);
        } catch (SQLException none) {
            // PostgreSQL's have a NaN and infinities, which Java's have not.
            String text = result.getString(column);
            if (!"NaN".equals(text) && !"Infinity".equals(text) && !"-Infinity".equals(text)) {
                throw none;
            }
            out.aDecimal(text);
            return;
        }
        if (value == null) {
            out.aNull(Tag.DECIMAL);
        } else {
            out.aDecimal(value.toPlainString());
        }
    }

    private void civil(Answer out, int i) throws SQLException {
        int column = i + 1;
        int place = out.size();
        try {
            switch (readings[i]) {
                case DATE:
                    LocalDate date = result.getObject(column, LocalDate.class);
                    if (date == null) {
                        break;
                    }
                    out.u8(Tag.DATE);
                    if (date.equals(LocalDate.MAX) || date.equals(LocalDate.MIN)) {
                        out.infiniteDate(date.equals(LocalDate.MAX));
                    } else {
                        out.date(date);
                    }
                    return;
                case TIME:
                    LocalTime time = result.getObject(column, LocalTime.class);
                    if (time == null) {
                        break;
                    }
                    out.aTime(time);
                    return;
                case TIMESTAMP:
                    LocalDateTime stamp = result.getObject(column, LocalDateTime.class);
                    if (stamp == null) {
                        break;
                    }
                    Civil.stamp(out, stamp);
                    return;
                default:
                    OffsetDateTime moment = result.getObject(column, OffsetDateTime.class);
                    if (moment == null) {
                        break;
                    }
                    Civil.stamp(out, moment);
                    return;
            }
        } catch (SQLException | RuntimeException | AbstractMethodError unreadable) {
            // MariaDB has times of 800 hours, old drivers have no such method.
            out.cut(place);
        }
        String text = result.getString(column);
        if (text == null) {
            out.aNull(tags[i]);
        } else if (text.startsWith("0000-00-00")) {
            zero(out, readings[i]);
        } else if (!Civil.write(out, text, tags[i])) {
            out.cut(place);
            out.other(types[i] == null ? "" : types[i], text);
        }
    }

    /** The zero date of MariaDB and MySQL. */
    private static void zero(Answer out, int reading) {
        out.u8(TAGS[reading]).i32(0).u8(0).u8(0);
        if (reading != DATE) {
            out.i64(0);
        }
        if (reading == TIMESTAMP_TZ) {
            out.i32(0);
        }
    }

    private void array(Answer out, Array array, int i) throws SQLException {
        if (array == null) {
            out.aNull(Tag.ARRAY);
            return;
        }
        object(out, array.getArray(), array.getBaseTypeName(), Tag.ARRAY, 0);
        array.free();
    }

    private void stored(Answer out, Object value, int i) {
        int place = out.size();
        if (value instanceof String text) {
            int tag = tags[i];
            if (tag == Tag.DATE || tag == Tag.TIME || tag == Tag.TIMESTAMP || tag == Tag.TIMESTAMP_TZ) {
                if (Civil.write(out, text, tag)) {
                    return;
                }
                out.cut(place);
            } else if (tag == Tag.DECIMAL && isPlain(text)) {
                out.aDecimal(text);
                return;
            } else if (tag == Tag.JSON) {
                out.u8(Tag.JSON).text(text);
                return;
            } else if (tag == Tag.UUID && text.length() == 36) {
                try {
                    out.aUuid(UUID.fromString(text));
                    return;
                } catch (IllegalArgumentException none) {
                    out.cut(place);
                }
            }
            out.aText(text);
        } else if (value instanceof byte[] bytes) {
            if (tags[i] == Tag.UUID && bytes.length == 16) {
                out.u8(Tag.UUID).raw(bytes);
            } else {
                out.someBytes(bytes);
            }
        } else if (value instanceof Integer || value instanceof Long) {
            long number = ((Number) value).longValue();
            if (tags[i] == Tag.BOOL && (number == 0 || number == 1)) {
                out.aBool(number == 1);
            } else if (tags[i] == Tag.DECIMAL) {
                out.aDecimal(Long.toString(number));
            } else if (tags[i] == Tag.JSON) {
                // A document that is a number is stored as one.
                out.u8(Tag.JSON).text(Long.toString(number));
            } else {
                out.aLong(number);
            }
        } else if (value instanceof Double real && tags[i] == Tag.JSON && !real.isInfinite()) {
            out.u8(Tag.JSON).text(real.toString());
        } else if (value instanceof Double real && tags[i] == Tag.DECIMAL && !real.isInfinite()) {
            out.aDecimal(new BigDecimal(real.toString()).toPlainString());
        } else {
            object(out, value, types[i], tags[i], 0);
        }
    }

    private static boolean isPlain(String text) {
        int digits = 0;
        int points = 0;
        for (int i = text.startsWith("-") ? 1 : 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c >= '0' && c <= '9') {
                digits++;
            } else if (c != '.' || ++points > 1) {
                return false;
            }
        }
        return digits > 0 && !text.endsWith(".");
    }

    /** A value as what it is. */
    private static void object(Answer out, Object value, String type, int kind, int depth) {
        if (value == null) {
            out.aNull(kind);
        } else if (value instanceof String text) {
            out.aText(text);
        } else if (value instanceof Boolean truth) {
            out.aBool(truth);
        } else if (value instanceof Float single) {
            out.aFloat(single);
        } else if (value instanceof Double real) {
            out.aDouble(real);
        } else if (value instanceof BigDecimal decimal) {
            out.aDecimal(decimal.toPlainString());
        } else if (value instanceof java.math.BigInteger whole) {
            out.anUnsigned(new BigDecimal(whole));
        } else if (value instanceof Number number) {
            out.aLong(number.longValue());
        } else if (value instanceof UUID uuid) {
            out.aUuid(uuid);
        } else if (value instanceof byte[] bytes) {
            out.someBytes(bytes);
        } else if (value instanceof LocalDate date) {
            out.aDate(date);
        } else if (value instanceof java.sql.Date date) {
            out.aDate(date.toLocalDate());
        } else if (value instanceof LocalTime time) {
            out.aTime(time);
        } else if (value instanceof java.sql.Time time) {
            out.aTime(time.toLocalTime());
        } else if (value instanceof LocalDateTime stamp) {
            Civil.stamp(out, stamp);
        } else if (value instanceof java.sql.Timestamp stamp && isMoment(type)) {
            Civil.stamp(out, stamp.toInstant().atOffset(ZoneOffset.UTC));
        } else if (value instanceof java.sql.Timestamp stamp) {
            Civil.stamp(out, stamp.toLocalDateTime());
        } else if (value instanceof OffsetDateTime moment) {
            Civil.stamp(out, moment);
        } else if (value instanceof ZonedDateTime moment) {
            Civil.stamp(out, moment.toOffsetDateTime());
        } else if (value instanceof Instant moment) {
            Civil.stamp(out, moment.atOffset(ZoneOffset.UTC));
        } else if (value instanceof List<?> list && depth < DEEPEST_ARRAY) {
            object(out, list.toArray(), type, kind, depth);
        } else if (value.getClass().isArray() && depth < DEEPEST_ARRAY) {
            int length = java.lang.reflect.Array.getLength(value);
            out.u8(Tag.ARRAY).i32(length);
            for (int i = 0; i < length; i++) {
                object(out, java.lang.reflect.Array.get(value, i), type, Tag.NULL, depth + 1);
            }
        } else if (value instanceof Array inner && depth < DEEPEST_ARRAY) {
            try {
                object(out, inner.getArray(), type, kind, depth);
            } catch (SQLException unreadable) {
                out.other(type == null ? "" : type, value.toString());
            }
        } else {
            out.other(type == null ? value.getClass().getName() : type, shown(value));
        }
    }

    private static boolean isMoment(String type) {
        return type != null && (type.startsWith("timestamptz") || type.toLowerCase(Locale.ROOT).contains("with time zone"));
    }

    /** The text of what is no kind of ours. */
    private static String shown(Object value) {
        try {
            if (value instanceof SQLXML xml) {
                return String.valueOf(xml.getString());
            } else if (value instanceof Clob clob) {
                return clob.getSubString(1, (int) Math.min(Integer.MAX_VALUE, clob.length()));
            } else if (value instanceof Ref ref) {
                return String.valueOf(ref.getBaseTypeName());
            } else if (value instanceof Struct struct) {
                return java.util.Arrays.deepToString(struct.getAttributes());
            }
        } catch (SQLException unreadable) {
            // What it shows of itself is better than nothing.
        }
        return value.toString();
    }

    /** A key that was made. */
    static void key(Answer out, Object key) {
        if (key instanceof Number number && !(key instanceof Double)) {
            out.aLong(number.longValue());
        } else {
            out.aNull(0);
        }
    }

    void close() throws SQLException {
        result.close();
    }
}
