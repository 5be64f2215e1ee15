"""What a command prints with ``--json``, held to its schema."""

import json

import msgspec

from fmnist.cli.json_schema import EVENTS, RECORDS, event_types
from fmnist.runs.codec import document


def lines(command, output):
    """The objects that ``command`` printed; AssertionError where one breaks its schema."""
    rows = [json.loads(line) for line in output.splitlines()]
    types = event_types()
    assert rows, f"{command} printed nothing"
    for row in rows:
        if command in EVENTS:
            found = json.loads(msgspec.json.encode(msgspec.convert(row, types[row["event"]])))
            assert {name: found.get(name, "not in the schema") for name in row} == row
        else:  # nothing more, nothing less, all the way down
            assert json.loads(json.dumps(document(msgspec.convert(row, RECORDS[command])))) == row
    return rows
