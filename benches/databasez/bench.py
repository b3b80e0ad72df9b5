"""databasez, on the file and on the servers that the other peers have. Takes the same command line and prints the same
lines as the groups' binaries, for the groups `sqlite`, `postgres` and `mysql`, so that the table has it beside Pontoon
there. In the list the peer has the group behind it, since rows of servers are called the same.

When timed, every cell is read and no digest is made of it: that would take Python longer than databasez takes.
"""

import asyncio
import os
import pathlib
import resource
import shutil
import sqlite3
import statistics
import struct
import sys
import time

from databasez import Database, DatabaseURL
from sqlalchemy import event
from sqlalchemy.engine import Engine

SERVER_ROWS = ["server_point", "server_fetch_all", "server_execute_many"]
ROWS = {
    "sqlite": ["point_db", "insert_1000", "fetch_all", "execute_many", "stream_10m"],
    "postgres": SERVER_ROWS,
    "mysql": SERVER_ROWS,
}
SCHEMES = {"postgres": "postgresql+asyncpg", "mysql": "mysql+asyncmy"}
PRAGMAS = ["PRAGMA synchronous = NORMAL", "PRAGMA cache_size = -16000", "PRAGMA foreign_keys = ON"]
PEOPLE = 100_000
POINT = "SELECT id, name, age, score, mail FROM people WHERE id = :id"
ALL = "SELECT id, name, age, score, mail FROM people"
STREAM = (
    "SELECT p.id, p.name, p.age, p.score, p.mail FROM repeats r CROSS JOIN people p WHERE r.number <= :repeats"
)
INSERT = "INSERT INTO sink (id, name, age, score, mail) VALUES (:id, :name, :age, :score, :mail)"
SINK = (
    "SELECT count(*) + sum(id) + sum(age) + sum(length(name)) + sum(length(mail)) + CAST(sum(score) AS INTEGER)"
    " FROM sink"
)
# The same as one number on servers, in the SQL of each.
SERVER_SINK = {
    "postgres": "SELECT (count(*) + sum(id) + sum(age) + sum(length(name)) + sum(length(mail)) + sum(score)::bigint)::bigint"
    " FROM sink",
    "mysql": "SELECT CAST(count(*) + sum(id) + sum(age) + sum(length(name)) + sum(length(mail))"
    " + CAST(sum(score) AS SIGNED) AS SIGNED) FROM sink",
}
MANY = 5000
WORD = (1 << 64) - 1


class Digest:
    """As `Digest` of the harness."""

    def __init__(self):
        self.value = 0

    def int(self, value):
        rotated = (self.value << 5 | self.value >> 59) & WORD
        self.value = rotated ^ (value & WORD)

    def text(self, text):
        data = text.encode()
        self.int(len(data) << 16 | (data[0] << 8 | data[-1] if data else 0))

    def person(self, row):
        self.int(row[0])
        self.text(row[1])
        self.int(row[2])
        self.int(struct.unpack("<q", struct.pack("<d", row[3]))[0])
        self.text(row[4])


class Run:
    """What a run is given, as `Env` of the harness."""

    def __init__(self, folder, seconds):
        self.folder = pathlib.Path(folder)
        self.seconds = seconds
        self.digest = Digest() if seconds is None else None

    def read(self, row):
        if self.digest:
            self.digest.person(row)
        else:
            row[0], row[1], row[2], row[3], row[4]

    async def measure(self, batch, operation, setup=lambda: None):
        """Seconds for one, the median."""

        async def set_up():
            waiting = setup()
            if waiting is not None:
                await waiting

        async def one(number):
            await set_up()
            begun = time.perf_counter()
            for number in range(number * batch, (number + 1) * batch):
                await operation(number)
            return (time.perf_counter() - begun) / batch

        if self.seconds is None:
            await set_up()
            # The others read a whole batch too.
            for number in range(batch):
                await operation(number)
            return 0.0
        begun, number, samples = time.perf_counter(), 0, []
        # Who has hardly any time wants to see that it runs.
        quick = self.seconds < 0.1
        while not quick and (number == 0 or time.perf_counter() - begun < self.seconds / 5):
            await one(number)
            number += 1
        while len(samples) < (1 if quick else 3) or time.perf_counter() - begun < self.seconds:
            samples.append(await one(number))
            number += 1
        return statistics.median(samples)


@event.listens_for(Engine, "connect")
def settings(connection, _record):
    if "sqlite" not in type(connection).__module__:
        return
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def database(path):
    return Database(f"sqlite+aiosqlite:///{path}", pool_size=4)


def server(run, group):
    port, user, password, name = (run.folder / group).read_text().splitlines()
    address = DatabaseURL(f"{SCHEMES[group]}://127.0.0.1:{port}/{name}")
    # To this machine nobody encrypts.
    options = {"connect_args": {"ssl": False}} if group == "postgres" else {}
    return Database(address.replace(username=user, password=password), pool_size=4, **options)


def key(number):
    return number * 7919 % PEOPLE + 1


def people(count):
    names = ("id", "name", "age", "score", "mail")
    return [
        dict(zip(names, (i + 1, f"Name Number {i}", i * 7919 % 1000, i * 0.25, f"somebody.{i}@mail.example.org")))
        for i in range(count)
    ]


async def point(run):
    async with database(run.folder / "people.db") as db:

        async def operation(number):
            run.read(await db.fetch_one(POINT, {"id": key(number)}))

        return {"point_db": await run.measure(100, operation)}


async def fetch_all(run):
    async with database(run.folder / "people.db") as db:

        async def operation(_number):
            for row in await db.fetch_all(ALL):
                run.read(row)

        return {"fetch_all": await run.measure(1, operation)}


async def stream(run):
    repeats = 1 if run.seconds is None or run.seconds < 1 else 10
    async with database(run.folder / "people.db") as db:
        begun = time.perf_counter()
        async for row in db.iterate(STREAM, {"repeats": repeats}):
            run.read(row)
        took = time.perf_counter() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"stream_10m": took / (repeats * PEOPLE), "stream_10m_memory": memory}


async def insert(run, row, count):
    rows = people(count)
    path = run.folder / f"sink-{os.getpid()}.db"
    shutil.copyfile(run.folder / "empty.db", path)
    other = sqlite3.connect(path, isolation_level=None)

    def clear():
        other.execute("DELETE FROM sink")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    try:
        async with database(path) as db:

            async def operation(_number):
                async with db.transaction():
                    if row == "execute_many":
                        await db.execute_many(INSERT, rows)
                    else:
                        for person in rows:
                            await db.execute(INSERT, person)

            took = await run.measure(1, operation, clear)
        if run.digest:
            run.digest.int(other.execute(SINK).fetchone()[0])
        return {row: took}
    finally:
        other.close()
        for ending in ("", "-wal", "-shm"):
            pathlib.Path(f"{path}{ending}").unlink(missing_ok=True)


async def on_server(run, group, row):
    async with server(run, group) as db:
        if row == "server_point":

            async def point(number):
                run.read(await db.fetch_one(POINT, {"id": key(number)}))

            return {row: await run.measure(10, point)}
        if row == "server_fetch_all":

            async def fetch_all(_number):
                for person in await db.fetch_all(ALL):
                    run.read(person)

            return {row: await run.measure(1, fetch_all)}
        rows = people(MANY)

        async def execute_many(_number):
            async with db.transaction():
                await db.execute_many(INSERT, rows)

        async with server(run, group) as other:
            took = await run.measure(1, execute_many, lambda: other.execute("TRUNCATE TABLE sink"))
            if run.digest:
                run.digest.int(await other.fetch_val(SERVER_SINK[group]))
        return {row: took / MANY}


async def measured(run, group, row):
    if group != "sqlite":
        return await on_server(run, group, row)
    match row:
        case "point_db":
            return await point(run)
        case "fetch_all":
            return await fetch_all(run)
        case "stream_10m":
            return await stream(run)
        case "insert_1000":
            return await insert(run, row, 1000)
        case "execute_many":
            return await insert(run, row, PEOPLE)
    raise SystemExit(f"databasez has no row {row}")


def main(words):
    match words:
        case ["list"]:
            for group, rows in ROWS.items():
                for row in rows:
                    print("databasez", row, f"databasez@{group}", sep="\t")
        case ["check", folder, row, peer]:
            run = Run(folder, None)
            group = peer.partition("@")[2]
            asyncio.run(measured(run, group, row))
            print(group, row, "databasez", f"{run.digest.value:016x}", sep="\t")
        case ["time", folder, row, peer, millis]:
            run = Run(folder, int(millis) / 1000)
            group = peer.partition("@")[2]
            for figure, value in asyncio.run(measured(run, group, row)).items():
                print(group, figure, "databasez", f"{value:e}", sep="\t")
        case _:
            raise SystemExit("list | check DIR ROW PEER | time DIR ROW PEER MILLIS")


if __name__ == "__main__":
    main(sys.argv[1:])
