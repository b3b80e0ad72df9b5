package pontoon;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.SQLWarning;
import java.sql.Statement;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** One connection: reads a request, does it, answers, and reads the next. */
final class Session implements Runnable {
    private static final int HELLO = 0x01;
    private static final int WELCOME = 0x02;
    private static final int CONNECT = 0x10;
    private static final int EXECUTE = 0x11;
    private static final int QUERY = 0x12;
    private static final int FETCH = 0x13;
    private static final int CLOSE_CURSOR = 0x14;
    private static final int EXECUTE_MANY = 0x15;
    private static final int BEGIN = 0x17;
    private static final int COMMIT = 0x18;
    private static final int ROLLBACK = 0x19;
    private static final int SAVEPOINT = 0x1A;
    private static final int RELEASE = 0x1B;
    private static final int ROLLBACK_TO = 0x1C;
    private static final int STATE = 0x1D;
    private static final int PING = 0x1E;
    private static final int RESET = 0x1F;
    private static final int CATALOG = 0x20;
    private static final int CLOSE = 0x21;
    private static final int CONNECTED = 0x40;
    private static final int DONE = 0x41;
    private static final int ROWS = 0x42;
    private static final int NOTICE = 0x43;
    private static final int ERROR = 0x4F;

    private static final int LAST = 1;
    private static final int WITH_COLUMNS = 2;
    /** How many rows a driver is asked to read at a time, and how many sets are sent at once. */
    private static final int FETCH_SIZE = 256;
    private static final int BATCH = 1000;
    private static final int MOST_NOTICES = 16;

    private final int number;
    private final String path;
    private final byte[] token;
    private final Running running = new Running();
    private final Map<Integer, Cursor> cursors = new HashMap<>();
    /** The numbers of cursors that were ended with another request. */
    private final Set<Integer> cut = new HashSet<>();
    private Frame in;
    private Answer out;
    private Connection connection;
    private Product product;
    private Statements statements;
    private Parameters parameters;
    private Transactions transactions;
    private Side side;
    private Map<String, String> given;
    private String sql;
    private long failedSet;
    private boolean closed;

    private record Cursor(Rows rows, PreparedStatement statement, String sql, int generation) {}

    Session(int number, String path, byte[] token) {
        this.number = number;
        this.path = path;
        this.token = token;
    }

    @Override
    public void run() {
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(Path.of(path));
        try (SocketChannel data = SocketChannel.open(StandardProtocolFamily.UNIX);
                SocketChannel beside = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            data.connect(address);
            beside.connect(address);
            in = new Frame(data);
            out = new Answer(data);
            greet(in, out, 0);
            greet(new Frame(beside), new Answer(beside), 1);
            side = new Side(beside, running);
            Thread thread = new Thread(side, "side of connection " + number);
            thread.setDaemon(true);
            thread.start();
            while (!closed && in.next()) {
                request();
            }
        } catch (IOException cut) {
            // The library has gone, or speaks what is no protocol: the connection ends.
        } catch (Throwable failure) {
            System.err.println("connection " + number + " ends: " + failure);
        } finally {
            leave();
        }
    }

    private void greet(Frame in, Answer out, int which) throws IOException {
        String runtime = System.getProperty("java.vm.name") + " " + System.getProperty("java.version");
        out.begin(HELLO).raw(new byte[] {'P', 'N', 'T', 'N'}).u16(Host.VERSION).raw(token).i32(number).u8(which).u8(0).text(runtime).send();
        if (!in.next() || in.u8() != WELCOME || in.u16() != Host.VERSION) {
            throw new IOException("not welcome");
        }
    }

    /** The end of a connection that was not closed in good order. */
    private void leave() {
        Connection left = connection;
        connection = null;
        if (left == null) {
            return;
        }
        side.forget();
        try {
            if (!left.getAutoCommit()) {
                left.rollback();
            }
        } catch (SQLException | RuntimeException failure) {
            // It is closed next.
        }
        try {
            left.close();
        } catch (SQLException | RuntimeException failure) {
            // It is gone all the same.
        }
    }

    private void request() throws IOException {
        int type = in.u8();
        int serial = in.i32();
        sql = null;
        failedSet = -1;
        try {
            // A cursor that nobody closes any more would stay open.
            if (!running.begin(serial) && type != CLOSE_CURSOR) {
                fail(serial, Failure.NOT_SENT | Failure.CANCELLED, new SQLException("cancelled before it was begun", "57014"));
                return;
            }
            if (connection == null && type != CONNECT) {
                throw Frame.garbage("a request before CONNECT");
            }
            if (product != null && product.fence != null && running.takeReached()) {
                swallowCancel();
            }
            dispatch(type, serial);
        } catch (IOException cut) {
            throw cut;
        } catch (Parameters.Refused refusal) {
            fail(serial, Failure.NOT_SENT, refusal);
        } catch (Unsupported refusal) {
            fail(serial, Failure.UNSUPPORTED, refusal.getCause());
        } catch (Throwable failure) {
            int flags = running.isCancelled() ? Failure.CANCELLED : 0;
            if (transactions != null) {
                transactions.failed(failure, sql);
                if (sql != null) {
                    statements.ran(sql);
                }
            }
            fail(serial, isDead(failure) ? flags | Failure.DEAD : flags, failure);
        } finally {
            running.end();
            if (product != null && product.cancelsAll && running.takeReached()) {
                cutOff();
            }
        }
    }

    /** Closes what a cancel has reached as well, and would end whatever comes next for as long as it is open. */
    private void cutOff() {
        for (Cursor cursor : cursors.values()) {
            discard(cursor.statement);
        }
        cut.addAll(cursors.keySet());
        cursors.clear();
    }

    /** What the driver has not, found out before anything was done. */
    private static final class Unsupported extends Exception {
        private static final long serialVersionUID = 1;

        Unsupported(SQLException cause) {
            super(null, cause, false, false);
        }
    }

    private boolean isDead(Throwable failure) {
        if (failure instanceof VirtualMachineError) {
            return true;
        }
        try {
            return connection == null || connection.isClosed();
        } catch (SQLException | RuntimeException unknown) {
            return true;
        }
    }

    private void fail(int serial, int flags, Throwable failure) throws IOException {
        out.begin(ERROR).i32(serial).u8(state());
        Failure.write(out, flags, failedSet, failure);
        out.send();
    }

    private int state() {
        return transactions == null ? Transactions.UNKNOWN : transactions.told();
    }

    /** A cancel that came too late marks the session of some databases, and the next statement would end by it. */
    private void swallowCancel() {
        try (Statement statement = connection.createStatement()) {
            statement.execute(product.fence);
        } catch (SQLException cancel) {
            // That was it; anything else the next statement says again.
        }
    }

    private void dispatch(int type, int serial) throws Exception {
        switch (type) {
            case CONNECT:
                connect(serial);
                return;
            case EXECUTE:
                execute(serial);
                return;
            case QUERY:
                query(serial);
                return;
            case FETCH:
                fetch(serial);
                return;
            case CLOSE_CURSOR:
                int left = in.i32();
                in.finished();
                cut.remove(left);
                Cursor cursor = cursors.remove(left);
                if (cursor != null) {
                    abandon(cursor);
                }
                break;
            case EXECUTE_MANY:
                executeMany(serial);
                return;
            case BEGIN:
                int isolation = in.u8();
                int access = in.u8();
                in.finished();
                try {
                    transactions.begin(isolation, access);
                } catch (SQLFeatureNotSupportedException none) {
                    throw new Unsupported(none);
                }
                break;
            case COMMIT:
                in.finished();
                transactions.commit();
                break;
            case ROLLBACK:
                in.finished();
                transactions.rollback();
                break;
            case SAVEPOINT:
                int savepoint = in.i32();
                in.finished();
                try {
                    transactions.savepoint(savepoint);
                } catch (SQLFeatureNotSupportedException none) {
                    throw new Unsupported(none);
                }
                break;
            case RELEASE:
                int released = in.i32();
                in.finished();
                transactions.release(released);
                break;
            case ROLLBACK_TO:
                int target = in.i32();
                in.finished();
                transactions.rollbackTo(target);
                break;
            case STATE:
                in.finished();
                break;
            case PING:
                int milliseconds = in.i32();
                in.finished();
                ping(milliseconds);
                break;
            case RESET:
                in.u8();
                in.finished();
                reset();
                break;
            case CATALOG:
                int what = in.u8();
                String table = in.text();
                in.i32();
                in.i32();
                in.finished();
                out.begin(ROWS).i32(serial).u8(state()).u8(LAST | WITH_COLUMNS);
                new Catalog(connection).write(out, what, table);
                out.send();
                return;
            case CLOSE:
                in.finished();
                close(serial);
                return;
            default:
                throw new Unsupported(new SQLFeatureNotSupportedException("this host knows no message of the type " + type));
        }
        done(serial, state(), 0, false, null);
    }

    private void done(int serial, int state, long affected, boolean hadRows, Object key) throws IOException {
        out.begin(DONE).i32(serial).u8(state).i64(affected).u8(hadRows ? 1 : 0);
        Rows.key(out, key);
        out.send();
    }

    private void connect(int serial) throws Exception {
        given = new LinkedHashMap<>();
        for (int left = in.count(8); left > 0; left--) {
            given.put(in.text(), in.text());
        }
        in.finished();
        if (connection != null) {
            throw Frame.garbage("a second CONNECT");
        }
        use(Drivers.connect(given));
        DatabaseMetaData data = connection.getMetaData();
        String[] facts = {
            "product", data.getDatabaseProductName(),
            "product_version", data.getDatabaseProductVersion(),
            "driver", data.getDriverName(),
            "driver_version", data.getDriverVersion(),
            "nests", product.nests ? "1" : "0",
            "cancels", product.cancels ? "1" : "0",
            "savepoints", data.supportsSavepoints() ? "1" : "0",
            "transactions", data.supportsTransactions() ? "1" : "0",
            "by_sql", transactions.bySql() ? "1" : "0",
            "isolation", transactions.levels(),
        };
        out.begin(CONNECTED).i32(serial).u8(state()).i32(facts.length / 2);
        for (String fact : facts) {
            out.text(fact == null ? "" : fact);
        }
        out.send();
    }

    private void use(Connection opened) throws SQLException {
        connection = opened;
        side.aimAt(connection);
        if (!connection.getAutoCommit()) {
            connection.setAutoCommit(true);
        }
        product = Product.of(connection);
        running.endsBy(product.cancels ? new Ending(connection, product, given) : null);
        statements = new Statements(connection, product);
        parameters = new Parameters(product);
        transactions = new Transactions(connection, product);
    }

    /** JDBC has nothing that makes a session forget: but for databases with a statement for it, it is opened anew. */
    private void reset() throws Exception {
        cursors.clear();
        cut.clear();
        if (product.reset != null) {
            try (Statement statement = connection.createStatement()) {
                on(statement, cursors.size());
                statement.execute(product.reset);
            }
            return;
        }
        Connection old = connection;
        if (!product.embedded) {
            old.close();
        }
        // A database in this process may be gone with its last connection: the new one comes first.
        use(Drivers.connect(given));
        if (product.embedded) {
            old.close();
        }
    }

    private void close(int serial) throws Exception {
        Connection left = connection;
        side.forget();
        connection = null;
        closed = true;
        left.close();
        done(serial, Transactions.IDLE, 0, false, null);
    }

    private void ping(int milliseconds) throws SQLException {
        int seconds = (int) Math.min(Integer.MAX_VALUE, ((milliseconds & 0xFFFFFFFFL) + 999) / 1000);
        boolean lives;
        try {
            lives = connection.isValid(Math.max(1, seconds));
        } catch (AbstractMethodError old) {
            lives = !connection.isClosed();
        }
        if (!lives) {
            throw new SQLException("the connection does not answer", "08006");
        }
    }

    private void execute(int serial) throws Exception {
        int flags = in.u8();
        sql = in.text();
        int width = in.i32();
        if ((flags & 2) != 0 && width == 0) {
            in.finished();
            control(serial);
            return;
        }
        boolean keys = (flags & 1) != 0 && product.tellsKeys && Words.isInsert(sql);
        PreparedStatement statement = statements.take(sql, keys);
        boolean whole = false;
        try {
            parameters.bind(in, statement, width);
            in.finished();
            on(statement, cursors.size());
            boolean hasRows = statement.execute();
            long affected = 0;
            Object key = null;
            if (hasRows) {
                affected = count(statement);
            } else {
                affected = Words.isWrite(sql) ? Math.max(0, updateCount(statement)) : 0;
                key = keys && affected > 0 ? key(statement) : null;
            }
            if (product.is(Product.Name.SQL_SERVER)) {
                // What a procedure does behind its first result is done as its results are read.
                while (statement.getMoreResults() || statement.getUpdateCount() >= 0) {}
            }
            notices(serial, statement);
            ran();
            whole = true;
            done(serial, state(), affected, hasRows, key);
        } finally {
            if (whole) {
                statements.giveBack(sql, keys, statement);
            } else {
                discard(statement);
            }
        }
    }

    /** How many rows a statement has, of which none is kept: it is under way until they have been read. */
    private static long count(Statement statement) throws SQLException {
        long rows = 0;
        try (ResultSet result = statement.getResultSet()) {
            while (result.next()) {
                rows++;
            }
        }
        return rows;
    }

    /** What a statement without rows has done, which others may rely on as soon as it is answered. */
    private void ran() throws SQLException {
        transactions.ran(sql);
        statements.ran(sql);
    }

    /** A statement of the library's own: the driver must not make another of it. */
    private void control(int serial) throws Exception {
        boolean succeeded = false;
        transactions.controls(sql);
        try (Statement statement = connection.createStatement()) {
            statement.setEscapeProcessing(false);
            on(statement, cursors.size());
            statement.execute(sql);
            succeeded = true;
            notices(serial, statement);
        } finally {
            transactions.controlled(sql, succeeded);
        }
        done(serial, state(), 0, false, null);
    }

    private long updateCount(Statement statement) throws SQLException {
        switch (product.name) {
            case H2:
            case POSTGRESQL:
            case SQL_SERVER:
                return statement.getLargeUpdateCount();
            default:
                return statement.getUpdateCount();
        }
    }

    /** The key of the last row, or of the first where that is the database's way. */
    private Object key(Statement statement) throws SQLException {
        try (ResultSet keys = statement.getGeneratedKeys()) {
            ResultSetMetaData data = keys.getMetaData();
            int column = data.getColumnCount() == 1 ? 1 : 0;
            for (int i = 1; column == 0 && i <= data.getColumnCount(); i++) {
                column = data.isAutoIncrement(i) ? i : 0;
            }
            Object key = null;
            while (column != 0 && keys.next()) {
                key = keys.getObject(column);
                if (product.keyOfFirst) {
                    break;
                }
            }
            return key;
        }
    }

    private void notices(int serial, Statement statement) throws SQLException, IOException {
        SQLWarning warning = statement.getWarnings();
        if (warning == null) {
            return;
        }
        for (int told = 0; warning != null && told < MOST_NOTICES; told++) {
            String state = warning.getSQLState();
            String severity = state == null || state.startsWith("01") ? "WARNING" : "NOTICE";
            out.begin(NOTICE).i32(serial).u8(Transactions.UNKNOWN).text(severity).text(String.valueOf(warning.getMessage())).send();
            warning = warning.getNextWarning();
        }
        statement.clearWarnings();
    }

    private void query(int serial) throws Exception {
        sql = in.text();
        int width = in.i32();
        PreparedStatement statement = statements.take(sql, false);
        Cursor cursor = null;
        boolean stays = false;
        try {
            parameters.bind(in, statement, width);
            int rows = in.i32();
            int bytes = in.i32();
            in.finished();
            statement.setFetchSize(FETCH_SIZE);
            on(statement, cursors.size());
            if (!statement.execute()) {
                ran();
                done(serial, state(), Math.max(0, updateCount(statement)), false, null);
                return;
            }
            cursor = new Cursor(new Rows(statement.getResultSet(), product), statement, sql, statements.generation());
            notices(serial, statement);
            statements.ran(sql);
            out.begin(ROWS).i32(serial).u8(Transactions.UNKNOWN).u8(WITH_COLUMNS);
            cursor.rows.writeColumns(out);
            boolean last = cursor.rows.writeBatch(out, rows, bytes);
            if (last) {
                finish(cursor);
            } else {
                cursors.put(serial, cursor);
            }
            stays = true;
            sendRows(last ? LAST | WITH_COLUMNS : WITH_COLUMNS);
        } finally {
            if (!stays) {
                discard(statement);
            }
        }
    }

    /** The driver works on this statement from now on, beside so many cursors. */
    private void on(Statement statement, int others) {
        running.on(statement, product.cancelsAll && others > 0);
    }

    /** The flags and the state are known when the rows are written. */
    private void sendRows(int flags) throws IOException {
        out.putByte(9, state());
        out.putByte(10, flags);
        out.send();
    }

    private void fetch(int serial) throws Exception {
        int which = in.i32();
        int rows = in.i32();
        int bytes = in.i32();
        in.finished();
        Cursor cursor = cursors.get(which);
        if (cut.remove(which)) {
            String why = "interrupted: another statement was cancelled, and the driver cancels all that are under way";
            throw new SQLException(why, "57014", 9);
        }
        if (cursor == null) {
            throw new SQLException("there is no open cursor of this number", "24000");
        }
        boolean last = true;
        boolean whole = false;
        try {
            on(cursor.statement, cursors.size() - 1);
            out.begin(ROWS).i32(serial).u8(Transactions.UNKNOWN).u8(0);
            last = cursor.rows.writeBatch(out, rows, bytes);
            whole = true;
        } finally {
            if (last) {
                cursors.remove(which);
                if (whole) {
                    finish(cursor);
                } else {
                    discard(cursor.statement);
                }
            }
        }
        sendRows(last ? LAST : 0);
    }

    private void finish(Cursor cursor) throws SQLException {
        cursor.rows.close();
        if (cursor.generation == statements.generation()) {
            statements.giveBack(cursor.sql, false, cursor.statement);
        } else {
            cursor.statement.close();
        }
    }

    /** Nobody reads the rest. A driver that would read it itself is told to give it up. */
    private void abandon(Cursor cursor) throws SQLException {
        if (product.mysql) {
            running.isReached();
            cursor.statement.cancel();
        }
        discard(cursor.statement);
    }

    private static void discard(Statement statement) {
        try {
            statement.close();
        } catch (SQLException | RuntimeException failure) {
            // The error that it comes after is the one to be told.
        }
    }

    private void executeMany(int serial) throws Exception {
        sql = in.text();
        int sets = in.i32();
        int width = in.i32();
        PreparedStatement statement = statements.take(sql, false);
        boolean whole = false;
        try {
            long affected = 0;
            on(statement, cursors.size());
            int held = 0;
            for (int set = 0; set < sets; set++) {
                failedSet = set;
                parameters.bind(in, statement, width);
                if (!product.batches) {
                    if (running.isCancelled()) {
                        throw new SQLException("cancelled between two sets", "57014");
                    }
                    affected += statement.execute() ? count(statement) : Math.max(0, updateCount(statement));
                    continue;
                }
                statement.addBatch();
                if (++held == BATCH || set + 1 == sets) {
                    affected += flush(statement, set + 1 - held);
                    held = 0;
                }
            }
            failedSet = -1;
            in.finished();
            notices(serial, statement);
            ran();
            whole = true;
            done(serial, state(), affected, false, null);
        } finally {
            if (whole) {
                statements.giveBack(sql, false, statement);
            } else {
                discard(statement);
            }
        }
    }

    /** Sends the sets that are held; the number of the failed one is what the driver says of it. */
    private long flush(PreparedStatement statement, int first) throws SQLException {
        try {
            long affected = 0;
            for (int count : statement.executeBatch()) {
                affected += Math.max(0, count);
            }
            return affected;
        } catch (BatchUpdateException failure) {
            int[] counts = failure.getUpdateCounts();
            failedSet = entry(failure.getMessage(), first);
            for (int i = 0; counts != null && i < counts.length && failedSet < 0; i++) {
                failedSet = counts[i] == Statement.EXECUTE_FAILED ? first + i : -1;
            }
            if (failedSet < 0 && counts != null) {
                failedSet = first + counts.length;
            }
            throw failure;
        }
    }

    /** PostgreSQL's driver counts all sets as failed, and names the one that did: {@code Batch entry 1,234 …}. */
    private static long entry(String message, int first) {
        String start = "Batch entry ";
        if (message == null || !message.startsWith(start)) {
            return -1;
        }
        long entry = 0;
        for (int i = start.length(); i < message.length() && message.charAt(i) != ' '; i++) {
            int digit = Character.digit(message.charAt(i), 10);
            entry = digit < 0 ? entry : 10 * entry + digit;
        }
        return first + entry;
    }
}
