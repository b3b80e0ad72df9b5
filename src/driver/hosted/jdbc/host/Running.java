package pontoon;

import java.sql.Statement;

/**
 * The request that is being done, and the cancels that are meant for it.
 *
 * <p>A cancel is made under this object's lock, and a request ends under it: so none reaches the request that follows.
 */
final class Running {
    private static final int LONGEST_PAUSE = 100;
    /** Milliseconds in which a statement may end by itself, where a cancel would reach other statements too. */
    private static final int GRACE = 200;

    private int serial;
    private Statement statement;
    private boolean isGraced;
    private int cancelled;
    private boolean reached;
    /** How a statement is ended; null where nothing does. */
    private Ending ending;

    synchronized void endsBy(Ending ending) {
        this.ending = ending;
    }

    /** Begins a request; false if it has been cancelled already. */
    synchronized boolean begin(int serial) {
        this.serial = serial;
        return Integer.compareUnsigned(serial, cancelled) > 0;
    }

    /** Says which statement the driver works on from now on, and whether it is given time to end by itself. */
    synchronized void on(Statement statement, boolean isGraced) {
        this.statement = statement;
        this.isGraced = isGraced;
    }

    synchronized boolean isCancelled() {
        return Integer.compareUnsigned(serial, cancelled) <= 0;
    }

    /** Whether the driver was asked to cancel something since this was asked last. */
    synchronized boolean takeReached() {
        boolean was = reached;
        reached = false;
        return was;
    }

    /** The driver has been asked to end a statement. */
    synchronized void isReached() {
        reached = true;
    }

    synchronized void end() {
        statement = null;
        serial = 0;
        notifyAll();
    }

    /**
     * Cancels what runs, if its serial is this one at most, and waits for its end. Asks the driver again and again: one
     * that has not yet begun with the statement overlooks it.
     *
     * @return whether the cancel can reach nothing that comes later
     */
    synchronized boolean cancel(int upTo, long milliseconds) throws InterruptedException {
        if (Integer.compareUnsigned(upTo, cancelled) > 0) {
            cancelled = upTo;
        }
        long begin = System.nanoTime();
        long end = begin + milliseconds * 1_000_000;
        int pause = 5;
        while (serial != 0 && Integer.compareUnsigned(serial, upTo) <= 0) {
            if (!isGraced || System.nanoTime() - begin >= GRACE * 1_000_000L) {
                ask();
            }
            long left = (end - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                return false;
            }
            wait(Math.min(pause, left));
            pause = Math.min(2 * pause, LONGEST_PAUSE);
        }
        return true;
    }

    private void ask() {
        if (statement == null || ending == null) {
            return;
        }
        try {
            reached = true;
            ending.end(statement);
        } catch (Exception | AbstractMethodError failure) {
            // It may be over by now; if it is not, it is asked again.
        }
    }
}
