package pontoon;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.sql.Array;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Types;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.UUID;

/** Values on their way into a statement. */
final class Parameters {
    private static final long DAY = 86_400_000_000_000L;
    private static final int DEEPEST_ARRAY = 16;

    private final Product product;

    Parameters(Product product) {
        this.product = product;
    }

    /** Sets the parameters of a statement to the next row of the frame. */
    void bind(Frame in, PreparedStatement statement, int width) throws IOException, SQLException, Refused {
        for (int i = 1; i <= width; i++) {
            one(in, statement, i);
        }
    }

    /** A value that the driver cannot take: nothing was sent. */
    static final class Refused extends Exception {
        private static final long serialVersionUID = 1;

        Refused(String message) {
            super(message, null, false, false);
        }

        static Refused value(int at, String why) {
            return new Refused("parameter " + at + ": " + why);
        }
    }

    private void one(Frame in, PreparedStatement statement, int at) throws IOException, SQLException, Refused {
        boolean sqlite = product.is(Product.Name.SQLITE);
        boolean postgres = product.is(Product.Name.POSTGRESQL);
        int tag = in.u8();
        switch (tag) {
            case Tag.NULL:
                int kind = in.u8();
                statement.setNull(at, product.is(Product.Name.OTHER) || product.is(Product.Name.DERBY) ? type(kind) : Types.NULL);
                return;
            case Tag.BOOL:
                statement.setBoolean(at, in.u8() != 0);
                return;
            case Tag.SIGNED:
                statement.setLong(at, in.i64());
                return;
            case Tag.UNSIGNED:
                long bits = in.i64();
                if (bits >= 0) {
                    statement.setLong(at, bits);
                } else if (sqlite) {
                    throw Refused.value(at, "an integer past 9223372036854775807 would be stored as a float");
                } else {
                    statement.setBigDecimal(at, new BigDecimal(new BigInteger(1, ByteBuffer.allocate(8).putLong(bits).array())));
                }
                return;
            case Tag.FLOAT:
                real(statement, at, Float.intBitsToFloat(in.i32()), true);
                return;
            case Tag.DOUBLE:
                real(statement, at, Double.longBitsToDouble(in.i64()), false);
                return;
            case Tag.DECIMAL:
                decimal(statement, at, in.text());
                return;
            case Tag.TEXT:
                statement.setString(at, in.text());
                return;
            case Tag.BYTES:
                statement.setBytes(at, in.bytes());
                return;
            case Tag.DATE:
                date(in, statement, at);
                return;
            case Tag.TIME:
                time(statement, at, in.i64());
                return;
            case Tag.TIMESTAMP:
                LocalDateTime stamp = stamp(in, at);
                if (sqlite) {
                    statement.setString(at, Civil.text(stamp));
                } else {
                    statement.setObject(at, stamp);
                }
                return;
            case Tag.TIMESTAMP_TZ:
                LocalDateTime local = stamp(in, at);
                moment(statement, at, local, in.i32());
                return;
            case Tag.INTERVAL:
                loose(statement, at, interval(in.i32(), in.i32(), in.i64()));
                return;
            case Tag.UUID:
                uuid(statement, at, in.bytes(16));
                return;
            case Tag.JSON:
                String json = in.text();
                if (product.is(Product.Name.H2)) {
                    // A text would become a JSON string; bytes are read as a document.
                    statement.setBytes(at, json.getBytes(java.nio.charset.StandardCharsets.UTF_8));
                } else {
                    loose(statement, at, json);
                }
                return;
            case Tag.ARRAY:
                Object[] values = list(in, at, 1);
                if (sqlite || product.mysql) {
                    throw Refused.value(at, "this database has no arrays; IN (:name) takes a list");
                } else if (values.length == 0 && postgres) {
                    loose(statement, at, "{}");
                } else {
                    Array array = statement.getConnection().createArrayOf(element(values), values);
                    statement.setArray(at, array);
                }
                return;
            case Tag.OTHER:
                in.text();
                loose(statement, at, in.text());
                return;
            default:
                throw Frame.garbage("a value with the tag " + tag);
        }
    }

    private static int type(int kind) {
        switch (kind) {
            case Tag.BOOL:
                return Types.BOOLEAN;
            case Tag.SIGNED:
            case Tag.UNSIGNED:
                return Types.BIGINT;
            case Tag.FLOAT:
                return Types.REAL;
            case Tag.DOUBLE:
                return Types.DOUBLE;
            case Tag.DECIMAL:
                return Types.DECIMAL;
            case Tag.BYTES:
                return Types.VARBINARY;
            case Tag.DATE:
                return Types.DATE;
            case Tag.TIME:
                return Types.TIME;
            case Tag.TIMESTAMP:
                return Types.TIMESTAMP;
            case Tag.TIMESTAMP_TZ:
                return Types.TIMESTAMP_WITH_TIMEZONE;
            default:
                return Types.VARCHAR;
        }
    }

    /** A text whose type the database is to find out. */
    private void loose(PreparedStatement statement, int at, String text) throws SQLException {
        if (product.is(Product.Name.POSTGRESQL)) {
            statement.setObject(at, text, Types.OTHER);
        } else {
            statement.setString(at, text);
        }
    }

    private void real(PreparedStatement statement, int at, double value, boolean single) throws SQLException, Refused {
        boolean lacks = product.is(Product.Name.SQLITE) && Double.isNaN(value)
                || product.mysql && (Double.isNaN(value) || Double.isInfinite(value));
        if (lacks) {
            throw Refused.value(at, "this database has no such float");
        } else if (single && !product.is(Product.Name.SQLITE) && !product.mysql) {
            // MariaDB's driver would write it as a text of few digits, which as a double is another number.
            statement.setFloat(at, (float) value);
        } else {
            statement.setDouble(at, value);
        }
    }

    private void decimal(PreparedStatement statement, int at, String text) throws SQLException, Refused {
        if (product.is(Product.Name.SQLITE)) {
            statement.setString(at, text);
        } else if (text.equals("NaN") || text.endsWith("Infinity")) {
            loose(statement, at, text);
        } else {
            try {
                statement.setBigDecimal(at, new BigDecimal(text));
            } catch (NumberFormatException none) {
                throw Refused.value(at, "a decimal that is none");
            }
        }
    }

    private void date(Frame in, PreparedStatement statement, int at) throws IOException, SQLException, Refused {
        int year = in.i32();
        int month = in.u8();
        int day = in.u8();
        if ((month == 0 || day == 0) && product.mysql) {
            statement.setString(at, String.format("%04d-%02d-%02d", year, month, day));
            return;
        }
        LocalDate date = date(year, month, day, at);
        if (product.is(Product.Name.SQLITE)) {
            statement.setString(at, date.toString());
        } else {
            statement.setObject(at, date);
        }
    }

    private static LocalDate date(int year, int month, int day, int at) throws Refused {
        if (year == Integer.MAX_VALUE) {
            return LocalDate.MAX;
        } else if (year == Integer.MIN_VALUE) {
            return LocalDate.MIN;
        }
        try {
            return LocalDate.of(year, month, day);
        } catch (DateTimeException none) {
            throw Refused.value(at, "a date that Java has not");
        }
    }

    private static LocalTime time(long nanoseconds, int at) throws Refused {
        if (nanoseconds < 0 || nanoseconds > DAY) {
            throw Refused.value(at, "a time of day that is none");
        }
        // Which PostgreSQL's driver sends as 24:00:00.
        return nanoseconds == DAY ? LocalTime.MAX : LocalTime.ofNanoOfDay(nanoseconds);
    }

    private void time(PreparedStatement statement, int at, long nanoseconds) throws SQLException, Refused {
        LocalTime time = time(nanoseconds, at);
        if (product.is(Product.Name.SQLITE) || nanoseconds == DAY && !product.is(Product.Name.POSTGRESQL)) {
            statement.setString(at, nanoseconds == DAY ? "24:00:00" : Civil.text(time));
        } else {
            statement.setObject(at, time);
        }
    }

    private static LocalDateTime stamp(Frame in, int at) throws IOException, Refused {
        LocalDate date = date(in.i32(), in.u8(), in.u8(), at);
        long nanoseconds = in.i64();
        if (date.equals(LocalDate.MAX)) {
            return LocalDateTime.MAX;
        } else if (date.equals(LocalDate.MIN)) {
            return LocalDateTime.MIN;
        }
        // The end of a day is the midnight of the next one.
        LocalTime time = nanoseconds == DAY ? LocalTime.MIDNIGHT : time(nanoseconds, at);
        return LocalDateTime.of(nanoseconds == DAY ? date.plusDays(1) : date, time);
    }

    private void moment(PreparedStatement statement, int at, LocalDateTime local, int offset) throws SQLException, Refused {
        OffsetDateTime moment;
        if (local.equals(LocalDateTime.MAX)) {
            moment = OffsetDateTime.MAX;
        } else if (local.equals(LocalDateTime.MIN)) {
            moment = OffsetDateTime.MIN;
        } else {
            try {
                moment = OffsetDateTime.of(local, ZoneOffset.ofTotalSeconds(offset));
            } catch (DateTimeException none) {
                throw Refused.value(at, "an offset that Java has not");
            }
        }
        if (product.keepsOffsets()) {
            statement.setObject(at, moment);
        } else {
            statement.setString(at, Civil.text(moment));
        }
    }

    private static String interval(int months, int days, long nanoseconds) {
        String seconds = BigDecimal.valueOf(nanoseconds, 9).stripTrailingZeros().toPlainString();
        return months + " months " + days + " days " + seconds + " seconds";
    }

    private void uuid(PreparedStatement statement, int at, byte[] bytes) throws SQLException {
        if (product.is(Product.Name.SQLITE)) {
            statement.setBytes(at, bytes);
            return;
        }
        ByteBuffer halves = ByteBuffer.wrap(bytes);
        UUID uuid = new UUID(halves.getLong(), halves.getLong());
        boolean has = product.is(Product.Name.POSTGRESQL) || product.is(Product.Name.H2) || product.is(Product.Name.HSQLDB);
        if (has) {
            statement.setObject(at, uuid);
        } else {
            statement.setString(at, uuid.toString());
        }
    }

    /** The elements of an array, as Java's own types. */
    private Object[] list(Frame in, int at, int depth) throws IOException, Refused {
        if (depth > DEEPEST_ARRAY) {
            throw Frame.garbage("arrays inside each other");
        }
        Object[] values = new Object[in.count(1)];
        for (int i = 0; i < values.length; i++) {
            values[i] = element(in, at, depth);
        }
        return values;
    }

    private Object element(Frame in, int at, int depth) throws IOException, Refused {
        int tag = in.u8();
        switch (tag) {
            case Tag.NULL:
                in.u8();
                return null;
            case Tag.BOOL:
                return in.u8() != 0;
            case Tag.SIGNED:
                return in.i64();
            case Tag.UNSIGNED:
                return new BigDecimal(new BigInteger(1, in.bytes(8)));
            case Tag.FLOAT:
                return Float.intBitsToFloat(in.i32());
            case Tag.DOUBLE:
                return Double.longBitsToDouble(in.i64());
            case Tag.DECIMAL:
                return new BigDecimal(in.text());
            case Tag.TEXT:
            case Tag.JSON:
                return in.text();
            case Tag.BYTES:
                return in.bytes();
            case Tag.UUID:
                return new UUID(in.i64(), in.i64());
            case Tag.DATE:
                return java.sql.Date.valueOf(date(in.i32(), in.u8(), in.u8(), at));
            case Tag.TIMESTAMP:
                return java.sql.Timestamp.valueOf(stamp(in, at));
            case Tag.ARRAY:
                return list(in, at, depth + 1);
            default:
                throw Refused.value(at, "an array of values of this kind");
        }
    }

    /** What the elements are called in SQL. */
    private String element(Object[] values) {
        Object first = null;
        for (Object value : values) {
            first = first == null ? value : first;
        }
        boolean postgres = product.is(Product.Name.POSTGRESQL);
        if (first instanceof Object[] inner) {
            return element(inner);
        } else if (first instanceof Boolean) {
            return postgres ? "bool" : "BOOLEAN";
        } else if (first instanceof Long) {
            return postgres ? "int8" : "BIGINT";
        } else if (first instanceof Float) {
            return postgres ? "float4" : "REAL";
        } else if (first instanceof Double) {
            return postgres ? "float8" : "DOUBLE";
        } else if (first instanceof BigDecimal) {
            return postgres ? "numeric" : "DECIMAL";
        } else if (first instanceof UUID) {
            return postgres ? "uuid" : "UUID";
        } else if (first instanceof byte[]) {
            return postgres ? "bytea" : "VARBINARY";
        } else if (first instanceof java.sql.Date) {
            return postgres ? "date" : "DATE";
        } else if (first instanceof java.sql.Timestamp) {
            return postgres ? "timestamp" : "TIMESTAMP";
        }
        return postgres ? "text" : "VARCHAR";
    }
}
