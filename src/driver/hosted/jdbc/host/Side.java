package pontoon;

import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.sql.Connection;
import java.util.concurrent.Executor;

/** Takes the cancels of one connection. Its thread ends the driver's connection when the socket is cut. */
final class Side implements Runnable, Executor {
    private final SocketChannel channel;
    private final Running running;
    private volatile Connection connection;

    Side(SocketChannel channel, Running running) {
        this.channel = channel;
        this.running = running;
    }

    void aimAt(Connection connection) {
        this.connection = connection;
    }

    /** The connection is closed in good order. */
    void forget() {
        connection = null;
    }

    @Override
    public void run() {
        Frame in = new Frame(channel);
        Answer out = new Answer(channel);
        try (channel) {
            while (in.next()) {
                if (in.u8() != 0x30) {
                    throw Frame.garbage("a message on the side that is no cancel");
                }
                int serial = in.i32();
                long milliseconds = in.i32() & 0xFFFFFFFFL;
                in.finished();
                boolean fenced = running.cancel(serial, milliseconds);
                out.begin(0x50).i32(serial).u8(fenced ? 1 : 0).send();
            }
        } catch (IOException | InterruptedException | RuntimeException cut) {
            // What comes next is the end in any case.
        }
        abort();
    }

    /** A call that hangs in the driver returns when its connection is cut, with drivers that can do that. */
    private void abort() {
        Connection left = connection;
        if (left == null) {
            return;
        }
        try {
            left.abort(this);
        } catch (Exception | AbstractMethodError failure) {
            // There are drivers without it.
        }
    }

    @Override
    public void execute(Runnable work) {
        work.run();
    }
}
