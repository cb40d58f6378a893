import csv
import gzip


def read_rows(path):
    """The rows of a table with a header, each by the names of its columns."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file, delimiter=SEPARATOR, quoting=QUOTING))
