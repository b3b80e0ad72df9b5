package pontoon;

import java.sql.BatchUpdateException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** What went wrong, on its way out. */
final class Failure {
    static final int DEAD = 1;
    static final int NOT_SENT = 2;
    static final int CANCELLED = 4;
    static final int UNSUPPORTED = 8;

    private static final int MOST_CAUSES = 16;
    private static final int LONGEST_MESSAGE = 1 << 16;

    private Failure() {}

    static void write(Answer out, int flags, long set, Throwable failure) {
        List<Throwable> causes = new ArrayList<>();
        collect(causes, failure);
        out.u8(flags).i64(set).i32(causes.size());
        for (Throwable cause : causes) {
            one(out, cause);
        }
    }

    /** The error, then what it was caused by; of a batch, what was wrong with its set. */
    private static void collect(List<Throwable> causes, Throwable failure) {
        if (failure == null || causes.size() == MOST_CAUSES || causes.contains(failure)) {
            return;
        }
        if (failure instanceof BatchUpdateException batch && batch.getNextException() != null) {
            // The batch's own message quotes the statement with its values.
            collect(causes, batch.getNextException());
            return;
        }
        if (causes.size() < MOST_CAUSES) {
            causes.add(failure);
        }
        collect(causes, failure.getCause());
        if (failure instanceof SQLException error) {
            collect(causes, error.getNextException());
        }
    }

    private static void one(Answer out, Throwable cause) {
        List<String> classes = new ArrayList<>();
        for (Class<?> one = cause.getClass(); one != null && one != Throwable.class; one = one.getSuperclass()) {
            classes.add(one.getName());
        }
        out.i32(classes.size());
        for (String name : classes) {
            out.text(name);
        }
        String message = cause.getMessage();
        if (message == null) {
            message = cause.getClass().getName();
        }
        boolean sqlite = cause.getClass().getName().equals("org.sqlite.SQLiteException");
        if (sqlite) {
            message = plain(message);
        }
        out.text(message.length() > LONGEST_MESSAGE ? message.substring(0, LONGEST_MESSAGE) : message);
        if (cause instanceof SQLException error) {
            out.textOrNull(error.getSQLState()).u8(1).i64(sqlite ? extended(error) : error.getErrorCode());
        } else {
            out.textOrNull(null).u8(0);
        }
    }

    /** What SQLite said itself, in parentheses behind what its driver makes of the code. */
    private static String plain(String message) {
        int from = message.indexOf(" (");
        boolean wrapped = message.startsWith("[SQLITE_") && from > 0 && message.endsWith(")");
        return wrapped ? message.substring(from + 2, message.length() - 1) : message;
    }

    /** SQLite's code in full; the driver tells the eight bits that all errors of a kind share. */
    private static int extended(SQLException error) {
        try {
            Object result = error.getClass().getMethod("getResultCode").invoke(error);
            return result.getClass().getField("code").getInt(result);
        } catch (ReflectiveOperationException | RuntimeException old) {
            return error.getErrorCode();
        }
    }
}
