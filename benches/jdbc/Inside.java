import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.util.ArrayList;
import java.util.List;

/**
 * The rows of the group inside of Java, on the same file: what the driver itself takes.
 *
 * <pre>
 * Inside URL ROW            checks: prints a digest of what was read
 * Inside URL ROW SECONDS    measures for so long, when it gets no faster any more
 * </pre>
 *
 * Prints a digest, and seconds for one.
 */
final class Inside {
    private static final String POINT = "SELECT id, name, age, score, mail FROM people WHERE id = ?";
    private static final String ALL = "SELECT id, name, age, score, mail FROM people";
    private static final int PEOPLE = 100_000;

    private record Person(long id, String name, long age, double score, String mail) {}

    private interface Operation {
        void run(long number) throws Exception;
    }

    private long digest;

    public static void main(String[] arguments) throws Exception {
        double seconds = arguments.length > 2 ? Double.parseDouble(arguments[2]) : 0;
        Inside inside = new Inside();
        double took;
        try (Connection connection = DriverManager.getConnection(arguments[0])) {
            took = inside.row(connection, arguments[1], seconds);
        }
        System.out.printf("%016x %s%n", inside.digest, took);
    }

    private double row(Connection connection, String row, double seconds) throws Exception {
        switch (row) {
            case "jdbc_point":
                try (PreparedStatement point = connection.prepareStatement(POINT)) {
                    return measure(seconds, 10, number -> {
                        point.setLong(1, number * 7919 % PEOPLE + 1);
                        read(point);
                    });
                }
            case "jdbc_fetch_all":
                try (PreparedStatement all = connection.prepareStatement(ALL)) {
                    return measure(seconds, 1, number -> read(all));
                }
            default:
                throw new IllegalArgumentException("no such row: " + row);
        }
    }

    /** All rows first, and then every cell, as the others do. */
    private void read(PreparedStatement statement) throws Exception {
        List<Person> people = new ArrayList<>();
        try (ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                people.add(new Person(rows.getLong(1), rows.getString(2), rows.getLong(3), rows.getDouble(4), rows.getString(5)));
            }
        }
        for (Person person : people) {
            number(person.id);
            text(person.name);
            number(person.age);
            number(Double.doubleToRawLongBits(person.score));
            text(person.mail);
        }
    }

    private void number(long value) {
        digest = Long.rotateLeft(digest, 5) ^ value;
    }

    /** What the others make of its bytes: all texts here are ASCII. */
    private void text(String text) {
        int length = text.length();
        long ends = length == 0 ? 0 : text.charAt(0) << 8 | text.charAt(length - 1);
        number((long) length << 16 | ends);
    }

    /** Seconds for one, the median. */
    private static double measure(double seconds, int batch, Operation operation) throws Exception {
        if (seconds == 0) {
            run(batch, 0, operation);
            return 0;
        }
        long number = warmUp(seconds, batch, operation);
        List<Long> samples = new ArrayList<>();
        for (long end = System.nanoTime() + (long) (seconds * 1e9); samples.size() < (seconds < 0.1 ? 1 : 3) || System.nanoTime() < end; number++) {
            long begun = System.nanoTime();
            run(batch, number, operation);
            samples.add(System.nanoTime() - begun);
        }
        long[] sorted = samples.stream().mapToLong(Long::longValue).sorted().toArray();
        return sorted[sorted.length / 2] / 1e9 / batch;
    }

    /** As `warm_up` of the harness; returns the number of the next batch. */
    private static long warmUp(double seconds, int batch, Operation operation) throws Exception {
        long begun = System.nanoTime();
        boolean quick = seconds < 0.1;
        long round = quick ? (long) (seconds * 1e9) : 500_000_000L;
        long least = quick ? 0 : 4_000_000_000L;
        long most = quick ? 0 : 15_000_000_000L;
        long number = 0;
        double best = Double.POSITIVE_INFINITY;
        int inVain = 0;
        do {
            long from = number;
            long start = System.nanoTime();
            do {
                run(batch, number++, operation);
            } while (System.nanoTime() - start < round);
            double each = (double) (System.nanoTime() - start) / (number - from);
            inVain = each < best * 0.97 ? 0 : inVain + 1;
            best = Math.min(best, each);
        } while (System.nanoTime() - begun < least || (inVain < 4 && System.nanoTime() - begun < most));
        return number;
    }

    private static void run(int batch, long number, Operation operation) throws Exception {
        for (long each = number * batch; each < (number + 1) * batch; each++) {
            operation.run(each);
        }
    }
}
