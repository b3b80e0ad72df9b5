"""How a host reads the rows of a cursor: what it says of the last ones. The argument is the path of host.py."""

import importlib.util
import marshal
import sys

spec = importlib.util.spec_from_file_location("host", sys.argv[1])
host = importlib.util.module_from_spec(spec)
spec.loader.exec_module(host)


class Cursor:
    description = (("n",),)

    def __init__(self, rows, kind):
        self.rows, self.kind, self.at = rows, kind, 0

    def fetchmany(self, count):
        fetched = self.kind((n,) for n in range(self.at, min(self.rows, self.at + count)))
        self.at += len(fetched)
        return fetched


def read(rows, asked, kind):
    """The rows of each answer, as many as are asked for each time, until one is the last."""
    reading, answers, last = host.Reading(Cursor(rows, kind), host.Family(None)), [], False
    while not last:
        data, count, last = reading.fetch(asked, 1 << 20)
        answers.append([n for (n,) in marshal.loads(data)])
        assert count == len(answers[-1])
    return answers


for kind in (list, tuple):
    # A result of just as many rows as were asked for is whole in its first answer: nobody has to close it.
    assert read(1, 1, kind) == [[0]], read(1, 1, kind)
    assert read(0, 1, kind) == [[]]
    assert read(3, 1, kind) == [[0], [1], [2]]
    assert read(4, 2, kind) == [[0, 1], [2, 3]]
    assert read(5, 2, kind) == [[0, 1], [2, 3], [4]]
    assert [n for answer in read(5000, 2048, kind) for n in answer] == list(range(5000))
