import gzip
import json


def read_rows(path):
    """The rows of a table with a JSON object in each line."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig") as file:
        return [json.loads(line) for line in file if line.strip()]
