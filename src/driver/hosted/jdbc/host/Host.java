package pontoon;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/**
 * The host of JDBC drivers: a process that speaks the protocol of PROTOCOL.md.
 *
 * <p>Its standard input is the leash. At its end the process ends, whatever its threads are doing: a driver may be stuck
 * in any of them. A database that lives in this process, as H2 does, has a moment to write down what it has committed.
 */
final class Host {
    static final int VERSION = 1;
    private static final int LAST_MOMENT = 1000;

    private Host() {}

    public static void main(String[] arguments) {
        int status = 0;
        Thread ahead = new Thread(new Ahead(), "ahead");
        ahead.setDaemon(true);
        ahead.start();
        try {
            obey(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII)));
        } catch (Throwable failure) {
            System.err.println("the host ends: " + failure);
            status = 1;
        }
        end(status);
    }

    private static void end(int status) {
        Thread limit = new Thread(() -> {
            try {
                Thread.sleep(LAST_MOMENT);
            } catch (InterruptedException early) {
                // The end comes now, then.
            }
            Runtime.getRuntime().halt(status);
        });
        limit.setDaemon(true);
        limit.start();
        System.exit(status);
    }

    private static void obey(BufferedReader lines) throws IOException {
        String hello = lines.readLine();
        if (hello == null) {
            return;
        }
        String[] words = hello.split(" ");
        if (words.length != 3 || !words[0].equals("pontoon") || !words[1].equals(Integer.toString(VERSION))) {
            throw new IOException("this host speaks version " + VERSION + " of the protocol, and was greeted otherwise");
        }
        byte[] token = token(words[2]);
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] order = line.split(" ", 3);
            if (order.length != 3 || !order[0].equals("open")) {
                throw new IOException("an order that is none");
            }
            int number = Integer.parseUnsignedInt(order[1]);
            Thread thread = new Thread(new Session(number, order[2], token), "connection " + order[1]);
            // Nothing of this process is waited for when it ends.
            thread.setDaemon(true);
            thread.start();
        }
    }

    private static byte[] token(String digits) throws IOException {
        byte[] token = new byte[32];
        if (digits.length() != 2 * token.length) {
            throw new IOException("a token that is none");
        }
        for (int i = 0; i < token.length; i++) {
            token[i] = (byte) Integer.parseInt(digits.substring(2 * i, 2 * i + 2), 16);
        }
        return token;
    }
}
