package pontoon;

import java.sql.Driver;
import java.util.ServiceLoader;

/**
 * Loads what the first connection will need while that makes its sockets, which takes a virtual machine that has just
 * started as long. Nothing is run but what classes of this host do as they are made; the driver's are left to its connection.
 */
final class Ahead implements Runnable {
    private static final String[] OWN = {
        "Side", "Drivers", "Product", "Product$Name", "Statements", "Parameters", "Transactions", "Session$Cursor", "Rows", "Tag",
        "Words",
    };

    @Override
    public void run() {
        try {
            for (String name : OWN) {
                Class.forName("pontoon." + name);
            }
            // Opens the jars, and loads the first driver without making it.
            ServiceLoader.load(Driver.class).iterator().hasNext();
        } catch (Throwable failure) {
            // Whoever needs it finds out as well, and has somebody to tell.
        }
    }
}
