import csv
import gzip


def read_rows(path):
    """The rows of a table with a header, each by the names of its columns."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file, delimiter=SEPARATOR, quoting=QUOTING)
        names = [name.strip() for name in next(rows)]
        # A file that was put together of several may have the header again.
        return [dict(zip(names, row)) for row in rows if row and [name.strip() for name in row] != names]
