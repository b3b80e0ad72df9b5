"""The rows of the group `dbapi2` inside of Python, on the same file: what the module itself takes.

    inside.py FILE ROW REPEATS            checks: prints a digest of what was read
    inside.py FILE ROW REPEATS SECONDS    measures for so long

Prints a digest, seconds for one, and the most memory. When timed, every cell is read and no digest is made of it: that
would take Python longer than reading.
"""

import resource
import sqlite3
import statistics
import struct
import sys
import time

POINT = "SELECT id, name, age, score, mail FROM people WHERE id = ?"
ALL = "SELECT id, name, age, score, mail FROM people"
STREAM = "SELECT p.id, p.name, p.age, p.score, p.mail FROM repeats r CROSS JOIN people p WHERE r.number <= ?"
PEOPLE = 100_000
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

    def rows(self, rows):
        for id, name, age, score, mail in rows:
            self.int(id)
            self.text(name)
            self.int(age)
            self.int(struct.unpack("<q", struct.pack("<d", score))[0])
            self.text(mail)


def touch(rows):
    for row in rows:
        row[0], row[1], row[2], row[3], row[4]


def measure(seconds, batch, operation):
    """Seconds for one, the median."""

    def one(number):
        begun = time.perf_counter()
        for number in range(number * batch, (number + 1) * batch):
            operation(number)
        return (time.perf_counter() - begun) / batch

    if seconds is None:
        one(0)
        return 0.0
    begun, number, samples = time.perf_counter(), 0, []
    # Who has hardly any time wants to see that it runs.
    while seconds >= 0.1 and (number == 0 or time.perf_counter() - begun < seconds / 5):
        one(number)
        number += 1
    while len(samples) < (1 if seconds < 0.1 else 3) or time.perf_counter() - begun < seconds:
        samples.append(one(number))
        number += 1
    return statistics.median(samples)


def main(file, row, repeats, seconds=None):
    cursor = sqlite3.connect(file, isolation_level=None).cursor()
    seconds = None if seconds is None else float(seconds)
    digest = Digest()
    read = digest.rows if seconds is None else touch
    if row == "dbapi_point":
        key = lambda number: number * 7919 % PEOPLE + 1
        took = measure(seconds, 10, lambda number: read(cursor.execute(POINT, (key(number),)).fetchall()))
    elif row == "dbapi_fetch_all":
        took = measure(seconds, 1, lambda _: read(cursor.execute(ALL).fetchall()))
    elif row == "dbapi_stream":
        begun = time.perf_counter()
        read(cursor.execute(STREAM, (int(repeats),)))
        took = (time.perf_counter() - begun) / (int(repeats) * PEOPLE)
    else:
        raise SystemExit(f"no such row: {row}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{digest.value:016x}", took, memory)


main(*sys.argv[1:])
