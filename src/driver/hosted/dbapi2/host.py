"""The host of a Python DB-API module: a loop that does what the library asks for. See PROTOCOL.md.

Python 3.8 and later; nothing but the standard library.
"""

import datetime
import decimal
import importlib
import itertools
import marshal
import os
import socket
import struct
import sys
import threading
import time

VERSION = 1
MOST = 0x3FFFFFFF

HELLO, WELCOME = 0x01, 0x02
CONNECT, EXECUTE, QUERY, FETCH, CLOSE_CURSOR, EXECUTE_MANY = 0x10, 0x11, 0x12, 0x13, 0x14, 0x15
BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, ROLLBACK_TO = 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C
STATE, PING, RESET, CATALOG, CLOSE = 0x1D, 0x1E, 0x1F, 0x20, 0x21
CANCEL, CANCELLED = 0x30, 0x50
CONNECTED, DONE, ROWS, ERROR = 0x40, 0x41, 0x42, 0x4F

DEAD, NOT_SENT, WAS_CANCELLED, UNSUPPORTED = 1, 2, 4, 8
IDLE, OPEN, FAILED, UNTOLD = 0, 1, 2, 3

# The most rows that are fetched before it is known how large rows are.
FIRST_FETCH = 256

# Seconds in which a request may end by itself, where its cancel would reach others too.
GRACE = 0.2

PLAIN = frozenset((type(None), bool, int, float, str, bytes))


# What stands in a statement where a parameter is.
MARK = "\x01?\x02"

# How each paramstyle writes the parameter of a number.
STYLES = {
    "qmark": lambda at: "?",
    "numeric": lambda at: ":%d" % at,
    "named": lambda at: ":p%d" % at,
    "format": lambda at: "%s",
    "pyformat": lambda at: "%%(p%d)s" % at,
    "dollar": lambda at: "$%d" % at,
}


# What is wrong before anything was sent.
class Refused(Exception):
    pass


class Unsupported(Exception):
    pass


# A value that has its tag already.
class Cell(tuple):
    pass


# --- values ---------------------------------------------------------------------------------------------------------


def of_date(value):
    return (9, value.year, value.month, value.day)


def seconds_of(value):
    return value.hour * 3600 + value.minute * 60 + value.second


def of_time(value):
    if value.tzinfo is not None:
        return (17, "time with time zone", value.isoformat())
    return (10, seconds_of(value), value.microsecond * 1000)


def of_datetime(value):
    day = (value.year, value.month, value.day, seconds_of(value), value.microsecond * 1000)
    offset = value.utcoffset()
    if offset is None:
        return (11,) + day
    return (12,) + day + (offset.days * 86400 + offset.seconds,)


def of_timedelta(value):
    return (13, 0, value.days, value.seconds, value.microseconds * 1000)


def of_decimal(value):
    if value.is_finite():
        return (6, format(value, "f"))
    return (6, "NaN" if value.is_nan() else "Infinity" if value > 0 else "-Infinity")


def of_list(value):
    return [item if type(item) in PLAIN else tagged(item) for item in value]


def of_mapping(value):
    import json

    return (15, json.dumps(value, default=str, ensure_ascii=False))


TAGGED = {
    Cell: tuple,
    bytearray: bytes,
    memoryview: bytes,
    datetime.date: of_date,
    datetime.time: of_time,
    datetime.datetime: of_datetime,
    datetime.timedelta: of_timedelta,
    decimal.Decimal: of_decimal,
    list: of_list,
    tuple: of_list,
    dict: of_mapping,
}


def tagged(value, table=TAGGED):
    """A value of any type, as marshal can pack it and the library reads it."""
    kind = type(value)
    if kind in PLAIN:
        return value
    convert = table.get(kind)
    if convert is None:
        # Its module takes longer to load than all of this.
        if kind.__module__ == "uuid":
            return (14, value.bytes)
        for base in kind.__mro__[1:-1]:
            if base in table:
                convert = table[base]
                break
            if base in PLAIN:
                return base(value)
        else:
            return (17, kind.__name__, str(value))
    return convert(value)


def date_text(year, month, day):
    if year == 0x7FFFFFFF:
        return "infinity"
    if year == -0x80000000:
        return "-infinity"
    if year <= 0 and (month or day):
        return "%04d-%02d-%02d BC" % (1 - year, month, day)
    return "%04d-%02d-%02d" % (year, month, day)


def time_text(seconds, nanos):
    text = "%02d:%02d:%02d" % (seconds // 3600, seconds // 60 % 60, seconds % 60)
    if nanos:
        text += (".%09d" % nanos).rstrip("0")
    return text


def timestamp_text(year, month, day, seconds, nanos, offset=None):
    text = date_text(year, month, day)
    if text.endswith("infinity"):
        return text
    era = ""
    if text.endswith(" BC"):
        text, era = text[:-3], " BC"
    text += " " + time_text(seconds, nanos)
    if offset is not None:
        sign, east = ("-", -offset) if offset < 0 else ("+", offset)
        text += "%s%02d:%02d" % (sign, east // 3600, east // 60 % 60)
        if east % 60:
            text += ":%02d" % (east % 60)
    return text + era


def interval_text(months, days, seconds, nanos):
    """ISO 8601, as PostgreSQL reads it."""
    total = seconds * 1000000000 + nanos
    sign, total = ("-", -total) if total < 0 else ("", total)
    rest = ("%d.%09d" % divmod(total, 1000000000)).rstrip("0").rstrip(".")
    return "P%dM%dDT%s%sS" % (months, days, sign, rest)


def to_date(parts):
    try:
        return datetime.date(*parts)
    except ValueError:
        return date_text(*parts)


def to_time(parts):
    seconds, nanos = parts
    if nanos % 1000 or seconds >= 86400:
        return time_text(seconds, nanos)
    return datetime.time(seconds // 3600, seconds // 60 % 60, seconds % 60, nanos // 1000)


def to_datetime(parts):
    year, month, day, seconds, nanos = parts[:5]
    zone = None
    if len(parts) == 6:
        zone = datetime.timezone(datetime.timedelta(seconds=parts[5]))
    if nanos % 1000 or seconds >= 86400:
        return timestamp_text(*parts)
    try:
        return datetime.datetime(
            year, month, day, seconds // 3600, seconds // 60 % 60, seconds % 60, nanos // 1000, zone
        )
    except (ValueError, OverflowError):
        return timestamp_text(*parts)


def to_timedelta(parts):
    months, days, seconds, nanos = parts
    if months or nanos % 1000:
        return interval_text(*parts)
    return datetime.timedelta(days=days, seconds=seconds, microseconds=nanos // 1000)


def to_uuid(parts):
    import uuid

    return uuid.UUID(bytes=parts[0])


# What each tag becomes for a module that takes Python's own types.
NATIVE = {
    0: lambda parts: None,
    4: lambda parts: parts[0],
    6: lambda parts: decimal.Decimal(parts[0]),
    9: to_date,
    10: to_time,
    11: to_datetime,
    12: to_datetime,
    13: to_timedelta,
    14: to_uuid,
    15: lambda parts: parts[0],
    17: lambda parts: parts[1],
}


# --- modules --------------------------------------------------------------------------------------------------------


NUMBERS = frozenset(("port", "timeout", "connect_timeout", "login_timeout", "read_timeout", "write_timeout"))


class Family:
    """A module that nobody knows anything of."""

    product = ""
    takes = NATIVE
    gives = TAGGED
    reads_all = False
    takes_lists = False
    # A cancel is of the whole connection, and stays until no statement of it is under way.
    cancels_all = False
    # What the module is handed instead of its own placeholders, if it can be.
    paramstyle = None

    def __init__(self, module):
        self.module = module

    def arguments(self, dsn, user, password, named):
        positional = [] if dsn is None else [dsn]
        if user is not None:
            named.setdefault("user", user)
        if password is not None:
            named.setdefault("password", password)
        return positional

    def connected(self, conn):
        pass

    def autocommit(self, conn):
        """Switches it on; False where there is no such thing."""
        current = getattr(conn, "autocommit", None)
        try:
            if callable(current):
                conn.autocommit(True)
                return True
            if current is not None:
                conn.autocommit = True
                return conn.autocommit is True or conn.autocommit == 1
            if hasattr(conn, "isolation_level") and not callable(conn.isolation_level):
                conn.isolation_level = None
                return True
        except Exception:
            return False
        return False

    def state(self, conn, failed):
        return UNTOLD

    def heed(self, conn, is_cancelled):
        """Has the driver ask now and then whether the running request is cancelled, where it can."""

    def canceller(self, conn):
        """What makes the running statement end, called from another thread, or None."""
        return None

    def fence(self, conn):
        """Takes in a cancel that came too late for its statement."""

    def key(self, cursor):
        key = getattr(cursor, "lastrowid", None)
        return key if type(key) is int else None

    def columns(self, description):
        return [(str(column[0]), None, 0) for column in description]

    def cells(self, description):
        """How the values of single columns are made, by their position."""
        return {}

    def check(self, value):
        pass

    def retry(self, connection, error, took):
        """Whether a call that failed so is made again."""
        return False

    def reset(self, connection, full):
        connection.reconnect()

    def ping(self, conn):
        cursor = conn.cursor()
        cursor.execute("SELECT 1")
        cursor.fetchall()
        cursor.close()

    def catalog(self, what, table):
        raise Unsupported("the catalog of a database that the library does not know")


def iso(parts):
    return timestamp_text(*parts)


class Sqlite(Family):
    product = "SQLite"
    cancels_all = True
    takes = {
        **NATIVE,
        6: lambda parts: parts[0],
        9: lambda parts: date_text(*parts),
        10: lambda parts: time_text(*parts),
        11: iso,
        12: iso,
        13: lambda parts: interval_text(*parts),
        14: lambda parts: parts[0],
    }

    # How long a lock is waited for in one go: a wait cannot be interrupted, but ended between two.
    SLICE = 0.05

    def arguments(self, dsn, user, password, named):
        self.patience = float(named.pop("timeout", 5.0))
        named["timeout"] = self.SLICE
        named["isolation_level"] = None
        named["check_same_thread"] = False
        if "uri" in named:
            named["uri"] = str(named["uri"]).lower() in ("1", "true", "yes", "on")
        return [":memory:" if dsn is None else dsn]

    def connected(self, conn):
        conn.execute("PRAGMA foreign_keys = ON")

    def autocommit(self, conn):
        return True

    def state(self, conn, failed):
        return OPEN if conn.in_transaction else IDLE

    # Steps of SQLite's machine, mostly about a millisecond of them, between two looks at whether the request is cancelled. Each
    # look waits for the interpreter, which the threads of other connections may have.
    STEPS = 50_000

    def heed(self, conn, is_cancelled):
        conn.set_progress_handler(is_cancelled, self.STEPS)

    def canceller(self, conn):
        # For what has no steps, or long ones: a checkpoint, a scan of large values.
        return conn.interrupt

    def check(self, value):
        if type(value) is float and value != value:
            raise Refused("NaN, which SQLite would store as NULL; bind NULL if that is what is meant")
        if type(value) is int and not -(1 << 63) <= value < 1 << 63:
            raise Refused("a whole number past 64 bits, which SQLite does not have; bind a text")

    def retry(self, connection, error, took):
        # SQLite refuses at once where waiting could never help.
        code = getattr(error, "sqlite_errorcode", 5)
        if code & 0xFF != 5 or code == 517 or "locked" not in str(error) or took < self.SLICE * 0.8:
            return False
        return not connection.is_cancelled() and time.monotonic() - connection.since < self.patience

    def reset(self, connection, full):
        path = connection.conn.execute("PRAGMA database_list").fetchone()[2]
        # One in memory would be gone.
        if path:
            connection.reconnect()

    def catalog(self, what, table):
        name = "'" + table.replace("'", "''") + "'"
        return (
            r"""SELECT schema, name, CASE type WHEN 'view' THEN 'view' ELSE 'table' END AS kind FROM pragma_table_list
            WHERE type <> 'shadow' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY schema = 'temp', schema, name""",
            """SELECT name, type AS type_name, "notnull" = 0 AS nullable, dflt_value AS "default", pk AS primary_key
            FROM pragma_table_xinfo({}) WHERE hidden <> 1 ORDER BY cid""",
            """SELECT list.name AS "index", list."unique" AS "unique", info.seqno AS position, info.name AS "column",
            info.desc AS descending FROM pragma_index_list({}) AS list, pragma_index_xinfo(list.name) AS info
            WHERE info.key = 1 ORDER BY list.seq DESC, info.seqno""",
            """SELECT list.id AS "key", list.seq AS position, list."from" AS "column", list."table" AS references_table,
            coalesce(list."to", (SELECT name FROM pragma_table_info(list."table") WHERE pk = list.seq + 1))
            AS references_column FROM pragma_foreign_key_list({}) AS list ORDER BY list.id DESC, list.seq""",
        )[what].format(name)


# Types of PostgreSQL by their number: name, kind.
OIDS = {
    16: ("boolean", 1), 17: ("bytea", 8), 18: ("char", 7), 19: ("name", 7), 20: ("bigint", 2), 21: ("smallint", 2),
    23: ("integer", 2), 25: ("text", 7), 26: ("oid", 2), 114: ("json", 15), 700: ("real", 4),
    701: ("double precision", 5), 1042: ("character", 7), 1043: ("character varying", 7), 1082: ("date", 9),
    1083: ("time without time zone", 10), 1114: ("timestamp without time zone", 11),
    1184: ("timestamp with time zone", 12), 1186: ("interval", 13), 1700: ("numeric", 6), 2950: ("uuid", 14),
    3802: ("jsonb", 15),
}  # fmt: skip


class Postgres(Family):
    product = "PostgreSQL"
    reads_all = True
    takes_lists = True
    takes = {**NATIVE, 13: lambda parts: interval_text(*parts)}

    RESET = (
        "CLOSE ALL", "UNLISTEN *", "RESET SESSION AUTHORIZATION", "RESET ALL", "SELECT pg_advisory_unlock_all()",
        "DISCARD TEMP", "DISCARD SEQUENCES",
    )  # fmt: skip

    def arguments(self, dsn, user, password, named):
        positional = []
        if dsn is not None:
            positional.append(dsn if "=" in dsn or "://" in dsn else "postgresql://" + dsn)
        return positional + super().arguments(None, user, password, named)

    def state(self, conn, failed):
        status = conn.info.transaction_status
        return {0: IDLE, 2: OPEN, 3: FAILED}.get(int(status), UNTOLD)

    def canceller(self, conn):
        return getattr(conn, "cancel", None)

    def key(self, cursor):
        return None

    def columns(self, description):
        return [(str(column[0]),) + OIDS.get(column[1], (None, 0)) for column in description]

    def cells(self, description):
        kinds = {}
        for at, column in enumerate(description):
            if column[1] in (114, 3802):
                kinds[at] = lambda value: (15, value) if type(value) is str else of_mapping(value)
            elif column[1] == 700:
                kinds[at] = lambda value: (4, value)
        return kinds

    def reset(self, connection, full):
        for statement in ("DISCARD ALL",) if full else self.RESET:
            cursor = connection.conn.cursor()
            cursor.execute(statement)
            cursor.close()

    def catalog(self, what, table):
        name = "'" + table.replace("'", "''") + "'"
        found = """(SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
            AND (c.relname = {0}::text AND pg_catalog.pg_table_is_visible(c.oid) OR n.nspname || '.' || c.relname = {0}::text)
            ORDER BY c.relname = {0}::text DESC LIMIT 1)""".format(name)
        return (
            r"""SELECT n.nspname::text AS schema, c.relname::text AS name,
            CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END AS kind
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
            AND n.nspname NOT LIKE 'pg\_toast%%' AND (n.nspname NOT LIKE 'pg\_temp%%' OR n.oid = pg_catalog.pg_my_temp_schema())
            ORDER BY 1, 2""".replace("%%", "%"),
            """SELECT a.attname::text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_name,
            NOT a.attnotnull AS nullable, pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS "default",
            coalesce(array_position(k.conkey, a.attnum), 0)::bigint AS primary_key
            FROM pg_catalog.pg_attribute a
            LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'p'
            WHERE a.attrelid = {} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum""",
            """SELECT i.relname::text AS "index", x.indisunique AS "unique", (p.n - 1)::bigint AS position,
            a.attname::text AS "column", x.indoption[p.n - 1] & 1 = 1 AS descending
            FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
            CROSS JOIN LATERAL pg_catalog.generate_series(1, x.indnkeyatts) AS p (n)
            LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[p.n - 1] AND a.attnum > 0
            WHERE x.indrelid = {} ORDER BY x.indisprimary DESC, i.relname, p.n""",
            """SELECT k.conname::text AS "key", (p.n - 1)::bigint AS position, a.attname::text AS "column",
            CASE WHEN pg_catalog.pg_table_is_visible(t.oid) THEN t.relname::text ELSE n.nspname || '.' || t.relname END
            AS references_table, b.attname::text AS references_column
            FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class t ON t.oid = k.confrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
            CROSS JOIN LATERAL pg_catalog.generate_series(1, pg_catalog.cardinality(k.conkey)) AS p (n)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[p.n]
            JOIN pg_catalog.pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[p.n]
            WHERE k.contype = 'f' AND k.conrelid = {} ORDER BY k.conname, p.n""",
        )[what].replace("{}", found)


def address(dsn, named, names):
    """`user:password@host:port/database` into arguments of these names."""
    if not dsn:
        return
    import urllib.parse

    parts = urllib.parse.urlsplit("//" + dsn)
    found = {
        "user": parts.username, "password": parts.password, "host": parts.hostname, "port": parts.port,
        "database": parts.path.lstrip("/") or None,
    }  # fmt: skip
    for name, value in found.items():
        if value is not None:
            named.setdefault(names.get(name, name), value if name == "port" else urllib.parse.unquote(value))


class Pg8000(Postgres):
    # Its own scanner takes operators for parameters. Here PostgreSQL's own numbers are written already.
    paramstyle = "dollar"

    def __init__(self, module):
        super().__init__(module)
        module.convert_paramstyle = lambda style, query, values: (query, values)

    def arguments(self, dsn, user, password, named):
        address(dsn, named, {})
        Family.arguments(self, None, user, password, named)
        self.named = named
        return []

    def connected(self, conn):
        conn.register_in_adapter(114, lambda text: Cell((15, text)))
        conn.register_in_adapter(3802, lambda text: Cell((15, text)))
        conn.register_in_adapter(700, lambda text: Cell((4, float(text))))

    def cells(self, description):
        return {}

    def state(self, conn, failed):
        return {b"I": IDLE, b"T": OPEN, b"E": FAILED}.get(conn._transaction_status, UNTOLD)

    def canceller(self, conn):
        key = getattr(conn, "_backend_key_data", None)
        path = self.named.get("unix_sock")
        place = (self.named.get("host", "localhost"), int(self.named.get("port", 5432)))
        if key is None:
            return None

        def cancel():
            # A request of the protocol, without a login. The server closes the connection when it has acted.
            if path:
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                sock.connect(path)
            else:
                sock = socket.create_connection(place, 5)
            with sock:
                sock.settimeout(5)
                sock.sendall(struct.pack("!ii", 16, 80877102) + key[:8])
                sock.recv(1)

        return cancel


# Types of MySQL by their number: name, kind.
FIELDS = {
    0: ("DECIMAL", 6), 1: ("TINYINT", 2), 2: ("SMALLINT", 2), 3: ("INT", 2), 4: ("FLOAT", 4), 5: ("DOUBLE", 5),
    7: ("TIMESTAMP", 11), 8: ("BIGINT", 2), 9: ("MEDIUMINT", 2), 10: ("DATE", 9), 11: ("TIME", 10),
    12: ("DATETIME", 11), 13: ("YEAR", 2), 16: ("BIT", 8), 245: ("JSON", 15), 246: ("DECIMAL", 6),
}  # fmt: skip


def mysql_time(value):
    if type(value) is datetime.timedelta and datetime.timedelta(0) <= value < datetime.timedelta(days=1):
        return (10, value.seconds, value.microseconds * 1000)
    return tagged(value)


def mysql_bit(value):
    return int.from_bytes(value, "big") if type(value) is bytes else tagged(value)


class Mysql(Family):
    product = "MySQL"
    reads_all = True
    takes = {
        **NATIVE,
        10: lambda parts: time_text(*parts),
        11: iso,
        12: iso,
        13: lambda parts: Mysql.span(*parts),
        14: lambda parts: parts[0],
    }
    NAMES = {}
    paramstyle = "format"

    @staticmethod
    def span(months, days, seconds, nanos):
        if months:
            raise Refused("a span of months, which TIME does not hold")
        total = (days * 86400 + seconds) * 1000000000 + nanos
        sign, total = ("-", -total) if total < 0 else ("", total)
        seconds, nanos = divmod(total, 1000000000)
        return sign + time_text(seconds, nanos)

    def arguments(self, dsn, user, password, named):
        address(dsn, named, self.NAMES)
        Family.arguments(self, None, user, password, named)
        named.setdefault("charset", "utf8mb4")
        named["autocommit"] = True
        # What is affected is what was found, as on other databases.
        named.setdefault("client_flag", 2)
        self.named = named
        return []

    def connected(self, conn):
        cursor = conn.cursor()
        cursor.execute("SELECT VERSION()")
        if "mariadb" in str(cursor.fetchall()[0][0]).lower():
            self.product = "MariaDB"
        cursor.close()

    def autocommit(self, conn):
        return True

    def state(self, conn, failed):
        if failed or not hasattr(conn, "server_status"):
            return UNTOLD
        return OPEN if conn.server_status & 1 else IDLE

    def canceller(self, conn):
        number = conn.thread_id()

        def cancel():
            other = self.module.connect(**self.named)
            try:
                other.cursor().execute("KILL QUERY %d" % number)
            finally:
                other.close()

        return cancel

    def fence(self, conn):
        try:
            conn.cursor().execute("DO 0")
        except self.module.Error:
            pass

    def columns(self, description):
        return [(str(column[0]),) + FIELDS.get(column[1], (None, 0)) for column in description]

    def cells(self, description):
        special = {4: lambda value: (4, value), 11: mysql_time, 16: mysql_bit, 245: lambda value: (15, value)}
        return {at: special[column[1]] for at, column in enumerate(description) if column[1] in special}

    def check(self, value):
        if type(value) is float and (value != value or value in (float("inf"), float("-inf"))):
            raise Refused("NaN or an infinity, which MySQL does not have; bind NULL if that is what is meant")

    def catalog(self, what, table):
        name = "'" + table.replace("\\", "\\\\").replace("'", "''") + "'"
        return (
            """SELECT CONVERT(table_schema USING utf8mb4) AS `schema`, CONVERT(table_name USING utf8mb4) AS name,
            CASE WHEN table_type LIKE '%VIEW' THEN 'view' ELSE 'table' END AS kind FROM information_schema.tables
            WHERE table_schema = DATABASE() ORDER BY table_name""",
            """SELECT CONVERT(c.column_name USING utf8mb4) AS name, CONVERT(c.column_type USING utf8mb4) AS type_name,
            c.is_nullable = 'YES' AS nullable, CONVERT(c.column_default USING utf8mb4) AS `default`,
            CAST(COALESCE(s.seq_in_index, 0) AS SIGNED) AS primary_key
            FROM information_schema.columns AS c
            LEFT JOIN information_schema.statistics AS s ON s.table_schema = c.table_schema AND s.table_name = c.table_name
            AND s.column_name = c.column_name AND s.index_name = 'PRIMARY'
            WHERE c.table_schema = DATABASE() AND c.table_name = {} ORDER BY c.ordinal_position""",
            """SELECT CONVERT(index_name USING utf8mb4) AS `index`, non_unique = 0 AS `unique`,
            CAST(seq_in_index - 1 AS SIGNED) AS position, CONVERT(column_name USING utf8mb4) AS `column`,
            COALESCE(collation, 'A') = 'D' AS descending FROM information_schema.statistics
            WHERE table_schema = DATABASE() AND table_name = {} ORDER BY index_name <> 'PRIMARY', index_name, seq_in_index""",
            """SELECT CONVERT(constraint_name USING utf8mb4) AS `key`, CAST(ordinal_position - 1 AS SIGNED) AS position,
            CONVERT(column_name USING utf8mb4) AS `column`, CONVERT(referenced_table_name USING utf8mb4) AS references_table,
            CONVERT(referenced_column_name USING utf8mb4) AS references_column FROM information_schema.key_column_usage
            WHERE table_schema = DATABASE() AND table_name = {} AND referenced_table_name IS NOT NULL
            ORDER BY constraint_name, ordinal_position""",
        )[what].replace("{}", name)


class MySqlDb(Mysql):
    NAMES = {"password": "passwd", "database": "db"}


FAMILIES = {
    "sqlite3": Sqlite, "pg8000": Pg8000, "psycopg": Postgres, "psycopg2": Postgres, "pymysql": Mysql, "MySQLdb": MySqlDb,
}  # fmt: skip


def load(names):
    """The first of these modules that is there; an attribute of it may stand behind a colon."""
    names = [name.strip() for name in names.split(",")]
    for name in names:
        path, _, attribute = name.partition(":")
        try:
            module = importlib.import_module(path)
        except ModuleNotFoundError as error:
            if error.name is None or not (path + ".").startswith(error.name + "."):
                raise
            continue
        for part in attribute.split(".") if attribute else ():
            module = getattr(module, part)
        return module, FAMILIES.get(path.split(".")[0], Family)
    raise ModuleNotFoundError(
        "no Python module %s for %s; install it there, or name another Python with the option `python`"
        % (" or ".join(names), sys.executable)
    )


# --- errors ---------------------------------------------------------------------------------------------------------


def text_of(error):
    try:
        return str(error)
    except BaseException as other:
        return "an error that cannot be shown (%s)" % type(other).__name__


SQLITE_CODES = (
    ("UNIQUE constraint", 2067), ("NOT NULL constraint", 1299), ("CHECK constraint", 275),
    ("FOREIGN KEY constraint", 787), ("PRIMARY KEY", 1555), ("database is locked", 5), ("interrupted", 9),
    ("attempt to write a readonly", 8), ("database or disk is full", 13), ("unable to open", 14),
    ("file is not a database", 26), ("no such table", 1), ("no such column", 1), ("syntax error", 1),
    ("already exists", 1), ("cannot start a transaction within a transaction", 1),
)  # fmt: skip


def cause_of(error):
    """Its classes, its message, its SQLSTATE and its number, as far as they can be told."""
    classes = [
        "%s.%s" % (kind.__module__, kind.__qualname__)
        for kind in type(error).__mro__
        if kind not in (object, BaseException, Exception)
    ] or [type(error).__qualname__]
    message, state, code = text_of(error), None, None
    args = error.args if isinstance(error.args, tuple) else ()
    if args and type(args[0]) is dict:
        # pg8000
        message, state = str(args[0].get("M", message)), args[0].get("C")
    elif len(args) >= 2 and type(args[0]) is int and type(args[1]) is str:
        # PyMySQL, mysqlclient
        code, message = args[0], args[1]
    for name in ("sqlstate", "pgcode"):
        value = getattr(error, name, None)
        if type(value) is str and len(value) == 5:
            state = value
    for name in ("sqlite_errorcode", "errno"):
        value = getattr(error, name, None)
        if type(value) is int:
            code = value
    if code is None and type(error).__module__ == "sqlite3":
        code = next((code for start, code in SQLITE_CODES if start in message), None)
    return classes[:32], message[:65536], state, code


def causes_of(error):
    causes, seen = [], set()
    while error is not None and id(error) not in seen and len(causes) < 16:
        seen.add(id(error))
        causes.append(cause_of(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return causes


# --- the wire -------------------------------------------------------------------------------------------------------


def packed(text):
    data = text.encode("utf-8", "replace")
    return struct.pack("!I", len(data)) + data


def optional(text):
    return b"\xff\xff\xff\xff" if text is None else packed(text)


def send(sock, kind, *parts):
    body = b"".join(parts)
    if len(body) >= MOST:
        raise Refused("%d bytes in one answer, where %d are the most; ask for less" % (len(body), MOST))
    sock.sendall(struct.pack("!IB", len(body) + 1, kind) + body)


class Garbage(Exception):
    pass


class Body:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, form):
        try:
            (value,) = struct.unpack_from(form, self.data, self.at)
        except struct.error:
            raise Garbage()
        self.at += struct.calcsize(form)
        return value

    def u8(self):
        return self.number("!B")

    def u32(self):
        return self.number("!I")

    def bytes(self):
        length = self.u32()
        if length > len(self.data) - self.at:
            raise Garbage()
        self.at += length
        return self.data[self.at - length : self.at]

    def text(self):
        try:
            return self.bytes().decode()
        except UnicodeDecodeError:
            raise Garbage()

    def end(self):
        if self.at != len(self.data):
            raise Garbage()

    def rows(self):
        try:
            return marshal.loads(self.bytes())
        except (ValueError, EOFError, TypeError):
            raise Garbage()


def read_frame(stream):
    head = stream.read(4)
    if len(head) < 4:
        return None
    (length,) = struct.unpack("!I", head)
    if not 0 < length <= MOST:
        return None
    data = stream.read(length)
    return data if len(data) == length else None


def meet(path, number, which, token):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(path)
    runtime = "%s %s" % (sys.implementation.name, ".".join(map(str, sys.version_info[:3])))
    send(sock, HELLO, b"PNTN", struct.pack("!H", VERSION), token, struct.pack("!IBB", number, which, 1 - which), packed(runtime))
    stream = sock.makefile("rb", 65536)
    answer = read_frame(stream)
    if answer is None or answer[0] != WELCOME:
        raise OSError("the library did not want to be met")
    return sock, stream


# --- a connection ---------------------------------------------------------------------------------------------------


class Reading:
    """A cursor that rows are being read from."""

    def __init__(self, cursor, family):
        self.cursor = cursor
        self.columns = family.columns(cursor.description)
        self.cells = family.cells(cursor.description)
        self.table = family.gives
        self.seen_rows, self.seen_bytes = 0, 0
        # The row that was fetched to see whether there is one.
        self.ahead = []

    def fetch(self, rows, most_bytes):
        """At most so many rows, packed, how many they are, and whether they were the last."""
        if self.seen_rows:
            rows = max(1, min(rows, most_bytes * self.seen_rows // max(1, self.seen_bytes)))
        else:
            rows = min(rows, FIRST_FETCH)
        # One more than is asked for: a result of just so many rows is known for whole, and nobody has to close it.
        wanted = rows + 1 - len(self.ahead)
        fetched = self.cursor.fetchmany(wanted)
        last = len(fetched) < wanted
        fetched = self.ahead + list(fetched)
        self.ahead = [] if last else [fetched.pop()]
        data = self.pack(fetched)
        self.seen_rows, self.seen_bytes = len(fetched) or 1, len(data)
        return data, len(fetched), last

    def pack(self, rows):
        if rows and type(rows[0]) is not tuple:
            rows = [tuple(row) for row in rows]
        elif type(rows) is not list:
            rows = list(rows)
        if self.cells or not PLAIN.issuperset(map(type, itertools.chain.from_iterable(rows))):
            columns = list(zip(*rows))
            for at, column in enumerate(columns):
                cell = self.cells.get(at)
                if cell is not None:
                    columns[at] = [None if value is None else cell(value) for value in column]
                elif not PLAIN.issuperset(map(type, column)):
                    table = self.table
                    columns[at] = [tagged(value, table) for value in column]
            rows = list(zip(*columns))
        return marshal.dumps(rows, 2)


class Counted:
    """Hands out sets and counts them, so that it is known which one failed."""

    def __init__(self, sets):
        self.sets, self.taken = sets, 0

    def __iter__(self):
        for item in self.sets:
            self.taken += 1
            yield item

    def __len__(self):
        return len(self.sets)


class Connection:
    def __init__(self, number, path, token):
        self.data, self.stream = meet(path, number, 0, token)
        self.side, self.side_stream = meet(path, number, 1, token)
        self.conn = self.family = self.cancel = None
        self.cursors = {}
        # The numbers of those that were ended with another request.
        self.cut = set()
        self.manual = False
        self.emulated = False
        self.since = 0.0
        self.last = "", ""
        # What is shared with the thread of the side socket, and its lock.
        self.turn = threading.Condition()
        self.running = 0
        self.unwanted = 0
        self.hit = False
        # Whether a cancel of the running request would end others too.
        self.beside = False

    def run(self):
        threading.Thread(target=self.watch, daemon=True).start()
        try:
            while True:
                frame = read_frame(self.stream)
                if frame is None or not self.answer(frame):
                    break
        except (Garbage, OSError):
            pass
        finally:
            self.leave()

    def leave(self):
        try:
            if self.conn is not None:
                self.conn.close()
        except Exception:
            pass
        for sock in (self.data, self.side):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    # Cancels.

    def watch(self):
        try:
            while True:
                frame = read_frame(self.side_stream)
                if frame is None:
                    return
                body = Body(frame)
                if body.u8() != CANCEL:
                    return
                serial, patience = body.u32(), body.u32()
                send(self.side, CANCELLED, struct.pack("!IB", serial, 1 if self.interrupt(serial, patience / 1000) else 0))
        except (Garbage, OSError):
            pass

    def interrupt(self, serial, patience):
        begun = time.monotonic()
        until = begun + patience
        with self.turn:
            self.unwanted = max(self.unwanted, serial)
            pause = 0.01
            # One that comes before the statement has reached the driver does nothing, so it is made again.
            while 0 < self.running <= serial:
                if self.cancel is None:
                    return False
                if not self.beside or time.monotonic() - begun >= GRACE:
                    try:
                        self.hit = True
                        self.cancel()
                    except Exception:
                        return False
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self.turn.wait(min(pause, left))
                pause = min(pause * 2, 0.2)
            return True

    def is_cancelled(self):
        return 0 < self.running <= self.unwanted

    # Requests.

    def answer(self, frame):
        body = Body(frame)
        kind, serial = body.u8(), body.u32()
        with self.turn:
            # A cursor that nobody closes any more would stay open.
            is_close = kind == CLOSE_CURSOR
            refused = serial <= self.unwanted and not is_close
            self.running = 0 if is_close else serial
            # What is fetched from is not beside itself.
            self.beside = self.conn is not None and self.family.cancels_all and len(self.cursors) > (kind == FETCH)
        try:
            if refused:
                raise Refused("the call was cancelled before it was begun")
            do = REQUESTS.get(kind)
            if do is None:
                raise Unsupported("a request of the type %#x" % kind)
            if self.conn is None and kind not in (CONNECT, CLOSE):
                raise Refused("there is no connection yet")
            self.since = time.monotonic()
            answer = do(self, serial, body)
        except Garbage:
            raise
        except BaseException as error:
            self.report(serial, error)
            return True
        self.settle()
        try:
            send(self.data, answer[0], struct.pack("!IB", serial, self.state(False)), *answer[1:])
        except Refused as error:
            self.report(serial, error)
        return kind != CLOSE

    def settle(self):
        """The request is over: what comes for it now comes too late."""
        with self.turn:
            self.running = 0
            hit, self.hit = self.hit, False
            self.turn.notify_all()
        if hit and self.conn is not None:
            if self.family.cancels_all:
                self.cut_off()
            self.family.fence(self.conn)

    def cut_off(self):
        """Closes what a cancel has reached as well, and would end whatever comes next for as long as it is open."""
        self.cut.update(self.cursors)
        while self.cursors:
            self.cursors.popitem()[1].cursor.close()

    def report(self, serial, error):
        self.settle()
        flags = 0
        if isinstance(error, (Refused, Unsupported)):
            flags |= UNSUPPORTED if isinstance(error, Unsupported) else NOT_SENT
        if not isinstance(error, Exception):
            flags |= DEAD
        if serial <= self.unwanted:
            flags |= WAS_CANCELLED
        parts = []
        causes = causes_of(error)
        for classes, message, state, code in causes:
            parts.append(struct.pack("!I", len(classes)) + b"".join(map(packed, classes)))
            parts.append(packed(message) + optional(state))
            parts.append(b"\0" if code is None or not -(1 << 63) <= code < 1 << 63 else struct.pack("!Bq", 1, code))
        number = getattr(error, "pontoon_set", -1)
        head = struct.pack("!IBBqI", serial, self.state(True), flags, number, len(causes))
        send(self.data, ERROR, head, *parts)

    def state(self, failed):
        if self.conn is None or self.emulated:
            return UNTOLD
        try:
            return self.family.state(self.conn, failed)
        except Exception:
            return UNTOLD

    def done(self, affected=-1, had_rows=False, key=None):
        if type(affected) is not int or affected < 0:
            affected = -1
        value = b"\0\0"
        if key is not None and -(1 << 63) <= key < 1 << 63:
            value = struct.pack("!Bq", 2, key)
        return DONE, struct.pack("!qB", affected, 1 if had_rows else 0), value

    # Connecting.

    def connect(self, serial, body):
        names = {}
        for _ in range(body.u32()):
            name = body.text()
            names.setdefault(name, []).append(body.text())
        body.end()
        one = lambda name: names.get(name, [None])[0]
        for path in reversed(names.get("path", [])):
            if path not in sys.path:
                sys.path.insert(0, path)
        self.module, family = load(one("module") or "")
        self.family = family(self.module)
        named = {}
        for name, values in names.items():
            if name.startswith("argument."):
                name, value = name[len("argument.") :], values[0]
                named[name] = int(value) if name in NUMBERS and value.isdigit() else value
        positional = []
        args = {}
        if one("args"):
            import json

            args = json.loads(one("args"))
        if type(args) is dict:
            named.update(args)
        elif type(args) is list:
            positional = args
        positional = self.family.arguments(one("dsn"), one("user"), one("password"), named) + positional
        self.how = (positional, named)
        self.arraysize = int(one("arraysize") or 0)
        self.open()
        facts = {
            "product": self.family.product,
            "driver": self.module.__name__,
            "driver_version": str(getattr(self.module, "__version__", "")),
            "nests": "1" if self.family.reads_all or self.family.product == "SQLite" else "0",
            "cancels": "1" if self.cancel else "0",
            "autocommit": "0" if self.emulated else "1",
        }
        return CONNECTED, struct.pack("!I", len(facts)), *(packed(k) + packed(v) for k, v in facts.items())

    def open(self):
        positional, named = self.how
        conn = self.module.connect(*positional, **named)
        self.style = self.family.paramstyle or getattr(self.module, "paramstyle", "")
        if self.style not in STYLES:
            raise Unsupported("the paramstyle %r of the module, which is none of those that DB-API has" % self.style)
        self.emulated = not self.family.autocommit(conn)
        self.family.connected(conn)
        self.family.heed(conn, self.is_cancelled)
        self.conn, self.cancel = conn, self.family.canceller(conn)

    def reconnect(self):
        self.cursors.clear()
        old, self.conn = self.conn, None
        try:
            old.close()
        finally:
            self.open()

    # Statements.

    def cursor(self):
        cursor = self.conn.cursor()
        if self.arraysize:
            cursor.arraysize = self.arraysize
        return cursor

    def set_of(self, row):
        """A set of parameters as the module wants it."""
        takes, check = self.family.takes, self.family.check
        values = []
        for value in row:
            if type(value) is tuple:
                value = takes[value[0]](value[1:])
            elif type(value) is list:
                value = self.array(value)
            check(value)
            values.append(value)
        if self.style == "named" or self.style == "pyformat":
            return {"p%d" % at: value for at, value in enumerate(values, 1)}
        return tuple(values)

    def array(self, values):
        if not self.family.takes_lists:
            raise Refused("a list, which the database does not have; write `IN (:name)`, which is expanded, or pass it as JSON")
        return [self.array(item) if type(item) is list else self.set_of((item,))[0] if type(item) is tuple else item for item in values]

    def values(self, body):
        return self.set_of(body.rows()[0]) if body.u32() else None

    def written(self, sql):
        """A statement with its parameters as the module wants them."""
        last, text = self.last
        if last == sql:
            return text
        parts = sql.split(MARK)
        text = sql
        if len(parts) > 1:
            if self.style in ("format", "pyformat"):
                parts = [part.replace("%", "%%") for part in parts]
            write = STYLES[self.style]
            text = parts[0] + "".join(write(at) + part for at, part in enumerate(parts[1:], 1))
        self.last = sql, text
        return text

    def perform(self, cursor, sql, values):
        sql = self.written(sql)
        while True:
            begun = time.monotonic()
            try:
                # Without values the module is handed none, or it would look for percent signs.
                return cursor.execute(sql) if values is None else cursor.execute(sql, values)
            except Exception as error:
                if not self.family.retry(self, error, time.monotonic() - begun):
                    raise

    def commit_unless_open(self, flags=0):
        if self.emulated and not self.manual and not flags & 2:
            self.conn.commit()

    def execute(self, serial, body):
        flags, sql = body.u8(), body.text()
        values = self.values(body)
        body.end()
        cursor = self.cursor()
        try:
            self.perform(cursor, sql, values)
            had_rows = bool(cursor.description)
            rows = cursor.rowcount
            if had_rows:
                # It is at its end when its last row was seen, and what it changes is changed then.
                seen = 0
                while True:
                    fetched = cursor.fetchmany(512)
                    seen += len(fetched)
                    if len(fetched) < 512:
                        break
                rows = cursor.rowcount
                if type(rows) is not int or rows < seen:
                    rows = seen
            key = self.family.key(cursor) if flags & 1 else None
            self.commit_unless_open(flags)
            return self.done(rows, had_rows, key)
        finally:
            cursor.close()

    def execute_many(self, serial, body):
        sql, sets, width = body.text(), body.u32(), body.u32()
        rows = body.rows() if width else [()] * sets
        body.end()
        counted = Counted([])
        try:
            checked = []
            for at, row in enumerate(rows):
                counted.taken = at + 1
                checked.append(self.set_of(row))
            counted = Counted(checked)
            cursor = self.cursor()
            try:
                affected = 0
                # Modules that make one statement of many sets cannot say which of them failed.
                if width and sets > 1 and not isinstance(self.family, Mysql) and hasattr(cursor, "executemany"):
                    cursor.executemany(self.written(sql), iter(counted) if self.family.product == "SQLite" else counted)
                    affected = cursor.rowcount
                else:
                    for row in counted:
                        self.perform(cursor, sql, row if width else None)
                        affected += max(0, cursor.rowcount)
                self.commit_unless_open()
                return self.done(affected)
            finally:
                cursor.close()
        except Exception as error:
            # A module that has taken them all has sent them together.
            if sets == 1 or counted.taken < sets or type(counted.sets) is list and not counted.sets:
                error.pontoon_set = counted.taken - 1
            raise

    def query(self, serial, body):
        sql = body.text()
        values = self.values(body)
        rows, most = body.u32(), body.u32()
        body.end()
        return self.rows_of(serial, sql, values, rows, most)

    def rows_of(self, serial, sql, values, rows, most):
        cursor = self.cursor()
        self.perform(cursor, sql, values)
        if not cursor.description:
            affected = cursor.rowcount
            cursor.close()
            self.commit_unless_open()
            return self.done(affected)
        reading = Reading(cursor, self.family)
        columns = [struct.pack("!I", len(reading.columns))]
        for name, type_name, kind in reading.columns:
            columns.append(packed(name) + optional(type_name) + struct.pack("!B", kind))
        return self.next_of(serial, reading, rows, most, 2, columns)

    def next_of(self, number, reading, rows, most, flags, columns):
        try:
            data, count, last = reading.fetch(rows, most)
        except BaseException:
            self.cursors.pop(number, None)
            reading.cursor.close()
            raise
        if last:
            flags |= 1
            self.cursors.pop(number, None)
            reading.cursor.close()
            self.commit_unless_open()
        else:
            self.cursors[number] = reading
        return ROWS, struct.pack("!B", flags), *columns, struct.pack("!II", count, len(data)), data

    def fetch(self, serial, body):
        number, rows, most = body.u32(), body.u32(), body.u32()
        body.end()
        reading = self.cursors.get(number)
        if number in self.cut:
            self.cut.discard(number)
            raise self.module.OperationalError("interrupted: another statement was cancelled, and SQLite cancels all that are under way")
        if reading is None:
            raise Refused("the rows cannot be read on: their cursor is closed")
        return self.next_of(number, reading, rows, most, 0, ())

    def close_cursor(self, serial, body):
        number = body.u32()
        body.end()
        self.cut.discard(number)
        reading = self.cursors.pop(number, None)
        if reading is not None:
            reading.cursor.close()
            self.commit_unless_open()
        return self.done()

    # Transactions, where the library does not run the dialect's own SQL.

    def begin(self, serial, body):
        isolation, access = body.u8(), body.u8()
        body.end()
        if isolation or access:
            raise Unsupported("isolation levels and read-only transactions by DB-API; name the dialect with the option `dialect`")
        if not self.emulated:
            current = getattr(self.conn, "autocommit", None)
            if callable(current):
                self.conn.autocommit(False)
            elif current is not None:
                self.conn.autocommit = False
            else:
                raise Unsupported("transactions of a module whose autocommit cannot be switched off; name the dialect")
        self.manual = True
        return self.done()

    def finish(self, commit):
        if commit:
            self.conn.commit()
        else:
            self.conn.rollback()
        self.manual = False
        if not self.emulated:
            self.family.autocommit(self.conn)
        return self.done()

    def commit(self, serial, body):
        body.end()
        return self.finish(True)

    def rollback(self, serial, body):
        body.end()
        return self.finish(False)

    def point(self, body, words):
        number = body.u32()
        body.end()
        cursor = self.cursor()
        cursor.execute("%s pontoon_%d" % (words, number))
        cursor.close()
        return self.done()

    def savepoint(self, serial, body):
        return self.point(body, "SAVEPOINT")

    def release(self, serial, body):
        return self.point(body, "RELEASE SAVEPOINT")

    def rollback_to(self, serial, body):
        return self.point(body, "ROLLBACK TO SAVEPOINT")

    # The rest.

    def tell_state(self, serial, body):
        body.end()
        return self.done()

    def ping(self, serial, body):
        body.u32()
        body.end()
        self.family.ping(self.conn)
        self.commit_unless_open()
        return self.done()

    def reset(self, serial, body):
        full = body.u8()
        body.end()
        self.cursors.clear()
        self.cut.clear()
        self.family.reset(self, full)
        return self.done()

    def catalog(self, serial, body):
        what, table, rows, most = body.u8(), body.text(), body.u32(), body.u32()
        body.end()
        return self.rows_of(serial, self.family.catalog(what, table), None, rows, most)

    def close(self, serial, body):
        body.end()
        conn, self.conn = self.conn, None
        if conn is not None:
            conn.close()
        return self.done()


REQUESTS = {
    CONNECT: Connection.connect, EXECUTE: Connection.execute, QUERY: Connection.query, FETCH: Connection.fetch,
    CLOSE_CURSOR: Connection.close_cursor, EXECUTE_MANY: Connection.execute_many, BEGIN: Connection.begin,
    COMMIT: Connection.commit, ROLLBACK: Connection.rollback, SAVEPOINT: Connection.savepoint,
    RELEASE: Connection.release, ROLLBACK_TO: Connection.rollback_to, STATE: Connection.tell_state,
    PING: Connection.ping, RESET: Connection.reset, CATALOG: Connection.catalog, CLOSE: Connection.close,
}  # fmt: skip


# --- the process ----------------------------------------------------------------------------------------------------


def lines(leash):
    """The lines that come, one by one, and nothing behind them."""
    rest = b""
    while True:
        line, found, rest_of_it = rest.partition(b"\n")
        if found:
            rest = rest_of_it
            yield line.decode("ascii", "replace")
            continue
        data = os.read(leash, 4096)
        if not data:
            return
        rest += data


def end():
    os._exit(0)


def hold(leash):
    """Has the system end this process with the other end of the leash, even if the interpreter is held by a driver."""
    try:
        import fcntl

        fcntl.fcntl(leash, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(leash, fcntl.F_SETFL, fcntl.fcntl(leash, fcntl.F_GETFL) | os.O_ASYNC)
    except (ImportError, AttributeError, OSError):
        pass


def wait_for_the_end(told):
    for _ in told:
        pass
    end()


def serve(number, path, token, one):
    try:
        Connection(number, path, token).run()
    finally:
        if one:
            end()


def main():
    # A driver that asks for a password on a terminal is to find none.
    leash = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    told = lines(leash)
    first = next(told, "").split(" ")
    if len(first) != 3 or first[0] != "pontoon":
        sys.exit("this program is started by the library, and talks to it alone")
    token = bytes.fromhex(first[2])
    one = sys.argv[1:] == ["one"]
    for line in told:
        word, number, path = line.split(" ", 2)
        if word != "open":
            break
        if one:
            hold(leash)
            threading.Thread(target=wait_for_the_end, args=(told,), daemon=True).start()
            serve(int(number), path, token, True)
        threading.Thread(target=serve, args=(int(number), path, token, False), daemon=True).start()
    import shutil

    shutil.rmtree(os.path.dirname(os.path.abspath(__file__)), ignore_errors=True)
    end()


if __name__ == "__main__":
    main()
