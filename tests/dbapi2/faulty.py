"""A DB-API module over sqlite3 that goes wrong when a statement says so."""

import ctypes
import gc
import os
import re
import sqlite3
import sys
import time

apilevel, threadsafety, paramstyle = "2.0", 1, "qmark"

Error = sqlite3.Error


class OperationalError(sqlite3.OperationalError):
    pass


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text for you")


def connections():
    return [it for it in gc.get_objects() if type(it).__name__ == "Connection" and hasattr(it, "side_stream")]


def dawdle():
    """From now on a request for more rows is taken up when it was cancelled, and not before."""
    host, (connection,) = sys.modules["__main__"], connections()
    read = host.read_frame

    def dawdling(stream):
        frame = read(stream)
        if stream is connection.stream and frame and frame[0] == host.FETCH:
            while connection.unwanted < int.from_bytes(frame[1:5], "big"):
                time.sleep(0.001)
        return frame

    host.read_frame = dawdling


class Cursor:
    def __init__(self, conn):
        self.conn, self.cursor = conn, conn.conn.cursor()

    def __getattr__(self, name):
        return getattr(self.cursor, name)

    def execute(self, sql, values=()):
        words = sql.split()
        verb = words[0].lower() if words else ""
        if verb == "exit":
            os._exit(int(words[1]))
        elif verb == "leave":
            sys.exit("as it wants")
        elif verb == "hang":
            while True:
                time.sleep(3600)
        elif verb == "hold":
            # Holds the interpreter as well.
            ctypes.PyDLL(None).sleep(3600)
        elif verb == "garbage":
            for connection in connections():
                connection.data.sendall(b"\xff" * 100)
            time.sleep(3600)
        elif verb == "flood":
            for _ in range(int(words[1])):
                print("x" * 200)
                print("y" * 200, file=sys.stderr)
            return self
        elif verb == "dawdle":
            dawdle()
            return self
        elif verb == "unprintable":
            raise Unprintable()
        elif verb == "commit" and self.conn.fatal:
            self.cursor.execute(sql)
            os._exit(9)
        elif verb == "fatal":
            self.conn.fatal = True
            return self
        style = sys.modules[__name__].paramstyle
        if style == "numeric":
            sql = re.sub(r":(\d)", r"?\1", sql)
        elif style == "format" and values:
            sql = sql % tuple("?" for _ in values)
        elif style == "pyformat" and values:
            sql = sql % {name: ":" + name for name in values}
        self.cursor.execute(sql, values)
        return self

    def executemany(self, sql, sets):
        for values in sets:
            self.execute(sql, values)


class Connection:
    def __init__(self, conn):
        self.conn, self.fatal, self.autocommit = conn, False, False

    @property
    def autocommit(self):
        return self._autocommit

    @autocommit.setter
    def autocommit(self, on):
        self._autocommit = on
        self.conn.isolation_level = None if on else ""

    def cursor(self):
        return Cursor(self)

    def commit(self):
        self.conn.commit()

    def rollback(self):
        self.conn.rollback()

    def close(self):
        self.conn.close()


def connect(dsn, style=None, password=None, **rest):
    if style:
        sys.modules[__name__].paramstyle = style
    if password:
        print("the password is", password, file=sys.stderr)
        raise OperationalError("no login with password=%s" % password)
    conn = sqlite3.connect(dsn)
    conn.create_function("pid", 0, os.getpid)
    return Connection(conn)
