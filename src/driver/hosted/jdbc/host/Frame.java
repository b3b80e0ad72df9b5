package pontoon;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** A frame that was read. Every length is checked against what is left of it before room is made. */
final class Frame {
    private static final int LONGEST = 0x3FFFFFFF;
    private static final int ABSENT = 0xFFFFFFFF;

    private final SocketChannel channel;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 16).flip();
    private byte[] body = new byte[1 << 12];
    private int at;
    private int end;

    Frame(SocketChannel channel) {
        this.channel = channel;
    }

    /** Reads the next frame; false where the socket has ended between two. */
    boolean next() throws IOException {
        body = body.length > 1 << 20 ? new byte[1 << 12] : body;
        if (!fill(4)) {
            return false;
        }
        int length = buffer.getInt();
        if (length < 1 || length > LONGEST) {
            throw garbage("a frame of " + Integer.toUnsignedString(length) + " bytes");
        }
        if (body.length < length) {
            // What was announced is not yet there: it is believed as it comes.
            body = new byte[Math.min(length, Math.max(2 * body.length, 1 << 20))];
        }
        int have = 0;
        while (have < length) {
            if (!buffer.hasRemaining() && !fill(1)) {
                throw new EOFException("the socket ended within a frame");
            }
            int part = Math.min(buffer.remaining(), length - have);
            if (have + part > body.length) {
                body = java.util.Arrays.copyOf(body, (int) Math.min(length, Math.max(have + part, 2L * body.length)));
            }
            buffer.get(body, have, part);
            have += part;
        }
        at = 0;
        end = length;
        return true;
    }

    /** Sees to it that so many bytes are there; false at the end of the socket. */
    private boolean fill(int wanted) throws IOException {
        while (buffer.remaining() < wanted) {
            buffer.compact();
            int read = channel.read(buffer);
            buffer.flip();
            if (read < 0) {
                if (buffer.hasRemaining()) {
                    throw new EOFException("the socket ended within a frame");
                }
                return false;
            }
        }
        return true;
    }

    private void need(int bytes) throws IOException {
        if (bytes < 0 || end - at < bytes) {
            throw garbage("a frame that is too short");
        }
    }

    int u8() throws IOException {
        need(1);
        return body[at++] & 0xFF;
    }

    int u16() throws IOException {
        need(2);
        return (body[at++] & 0xFF) << 8 | body[at++] & 0xFF;
    }

    int i32() throws IOException {
        need(4);
        int value = body[at] << 24 | (body[at + 1] & 0xFF) << 16 | (body[at + 2] & 0xFF) << 8 | body[at + 3] & 0xFF;
        at += 4;
        return value;
    }

    long i64() throws IOException {
        return (long) i32() << 32 | i32() & 0xFFFFFFFFL;
    }

    /** A number of things that take at least so many bytes each. */
    int count(int least) throws IOException {
        int count = i32();
        if (count < 0 || (long) count * least > end - at) {
            throw garbage("a list that is longer than its frame");
        }
        return count;
    }

    byte[] bytes() throws IOException {
        int length = i32();
        need(length);
        byte[] bytes = java.util.Arrays.copyOfRange(body, at, at + length);
        at += length;
        return bytes;
    }

    byte[] bytes(int length) throws IOException {
        need(length);
        byte[] bytes = java.util.Arrays.copyOfRange(body, at, at + length);
        at += length;
        return bytes;
    }

    String text() throws IOException {
        int length = i32();
        need(length);
        int from = at;
        at += length;
        for (int i = from; i < at; i++) {
            if (body[i] < 0) {
                return strict(from, length);
            }
        }
        return new String(body, from, length, StandardCharsets.ISO_8859_1);
    }

    String textOrNull() throws IOException {
        need(4);
        if (body[at] == -1 && body[at + 1] == -1 && body[at + 2] == -1 && body[at + 3] == -1) {
            at += 4;
            return null;
        }
        return text();
    }

    private String strict(int from, int length) throws IOException {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body, from, length)).toString();
        } catch (CharacterCodingException failure) {
            throw garbage("text that is not UTF-8");
        }
    }

    void finished() throws IOException {
        if (at != end) {
            throw garbage((end - at) + " bytes behind the message");
        }
    }

    static IOException garbage(String what) {
        return new IOException("garbage: " + what);
    }
}
