package pontoon;

import java.io.IOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.time.LocalTime;
import java.util.Arrays;

/** A frame that is put together and sent. */
final class Answer {
    private final SocketChannel channel;
    private byte[] body = new byte[1 << 12];
    private int at;

    Answer(SocketChannel channel) {
        this.channel = channel;
    }

    Answer begin(int type) {
        if (body.length > 1 << 22) {
            body = new byte[1 << 12];
        }
        at = 4;
        return u8(type);
    }

    void send() throws IOException {
        put32(0, at - 4);
        ByteBuffer whole = ByteBuffer.wrap(body, 0, at);
        while (whole.hasRemaining()) {
            channel.write(whole);
        }
    }

    int size() {
        return at;
    }

    /** Forgets what was put behind this place. */
    void cut(int place) {
        at = place;
    }

    private void room(int bytes) {
        if (body.length - at < bytes) {
            body = Arrays.copyOf(body, Math.max(Math.addExact(at, bytes), (int) Math.min(2L * body.length, 0x3FFFFFFF)));
        }
    }

    Answer u8(int value) {
        room(1);
        body[at++] = (byte) value;
        return this;
    }

    Answer u16(int value) {
        return u8(value >> 8).u8(value);
    }

    Answer i32(int value) {
        room(4);
        put32(at, value);
        at += 4;
        return this;
    }

    /** Writes a number at a place that was kept for it. */
    void put32(int place, int value) {
        body[place] = (byte) (value >> 24);
        body[place + 1] = (byte) (value >> 16);
        body[place + 2] = (byte) (value >> 8);
        body[place + 3] = (byte) value;
    }

    void putByte(int place, int value) {
        body[place] = (byte) value;
    }

    Answer i64(long value) {
        room(8);
        put32(at, (int) (value >> 32));
        put32(at + 4, (int) value);
        at += 8;
        return this;
    }

    Answer raw(byte[] bytes) {
        room(bytes.length);
        System.arraycopy(bytes, 0, body, at, bytes.length);
        at += bytes.length;
        return this;
    }

    Answer bytes(byte[] bytes) {
        return i32(bytes.length).raw(bytes);
    }

    Answer text(String text) {
        return bytes(text.getBytes(StandardCharsets.UTF_8));
    }

    Answer textOrNull(String text) {
        return text == null ? i32(0xFFFFFFFF) : text(text);
    }

    // Tagged values.

    void aNull(int kind) {
        u8(Tag.NULL).u8(kind);
    }

    void aBool(boolean value) {
        u8(Tag.BOOL).u8(value ? 1 : 0);
    }

    void aLong(long value) {
        u8(Tag.SIGNED).i64(value);
    }

    void aFloat(float value) {
        u8(Tag.FLOAT).i32(Float.floatToIntBits(value));
    }

    void aDouble(double value) {
        u8(Tag.DOUBLE).i64(Double.doubleToLongBits(value));
    }

    void aDecimal(String plain) {
        u8(Tag.DECIMAL).text(plain);
    }

    /** An unsigned number of 64 bits, or a decimal where it has more. */
    void anUnsigned(BigDecimal value) {
        if (value.signum() >= 0 && value.scale() == 0 && value.toBigInteger().bitLength() <= 64) {
            u8(Tag.UNSIGNED).i64(value.longValue());
        } else {
            aDecimal(value.toPlainString());
        }
    }

    void aText(String value) {
        u8(Tag.TEXT).text(value);
    }

    void someBytes(byte[] value) {
        u8(Tag.BYTES).bytes(value);
    }

    void aDate(LocalDate value) {
        u8(Tag.DATE);
        date(value);
    }

    void date(LocalDate value) {
        i32(value.getYear()).u8(value.getMonthValue()).u8(value.getDayOfMonth());
    }

    /** What PostgreSQL's driver makes of the infinities: the ends of Java's calendar. */
    void infiniteDate(boolean positive) {
        i32(positive ? Integer.MAX_VALUE : Integer.MIN_VALUE).u8(1).u8(1);
    }

    void aTime(LocalTime value) {
        // The last moment that Java has stands for 24:00:00.
        u8(Tag.TIME).i64(value.equals(LocalTime.MAX) ? 86_400_000_000_000L : value.toNanoOfDay());
    }

    void aUuid(java.util.UUID value) {
        u8(Tag.UUID).i64(value.getMostSignificantBits()).i64(value.getLeastSignificantBits());
    }

    void other(String type, String value) {
        u8(Tag.OTHER).text(type).text(value);
    }
}
