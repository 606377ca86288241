"""One shape for what verification finds, whoever tells it to programs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.databases import Differences, SchemaDifference, TableDifferences
from harness.databases.engines import address_of
from harness.guard import GuardResult, by_hand, document, telling

FOUND = Differences(
    tables={
        "t": TableDifferences(
            added=((1, b"\x00\xff", float("inf"), None),),
            missing=((2, "x", 1.5, "\udcff"),),
            changed=(((3, "was"), (3, "now")),),
        )
    },
    sequences={"t": (1, 2)},
    schema=(SchemaDifference("table", "late", "added"),),
    settings={"user_version": (7, 8)},
    unread={"broken": "malformed"},
    damage={"index i": "no longer matches its table"},
    shadows={"words": {"words_data": TableDifferences(missing=((1, b""),))}},
    by_shadows={"near": "no such module: vec0"},
    attributes={"mode": ("0664", "0600")},
)
SHAPE = {
    "clean": {"rows": False, "exact": False},
    "whole": None,
    "tables": {
        "t": {
            "added": 1,
            "missing": 1,
            "changed": 1,
            "rows": {
                "added": [[1, {"blob": "00ff"}, {"real": "inf"}, None]],
                "missing": [[2, "x", 1.5, "\udcff"]],
                "changed": [{"baseline": [3, "was"], "now": [3, "now"]}],
            },
        }
    },
    "sequences": {"t": {"baseline": 1, "now": 2}},
    "schema": ["table late added"],
    "settings": {"user_version": {"baseline": 7, "now": 8}},
    "unread": {"broken": "malformed"},
    "damage": {"index i": "no longer matches its table"},
    "shadows": {
        "words": {
            "words_data": {
                "added": 0,
                "missing": 1,
                "changed": 0,
                "rows": {"added": [], "missing": [[1, {"blob": ""}]], "changed": []},
            }
        }
    },
    "by_shadows": {"near": "no such module: vec0"},
    "attributes": {"mode": {"baseline": "0664", "now": "0600"}},
}


def strict(value: object) -> Any:
    """Go through JSON that has no words of its own for infinities."""
    return json.loads(json.dumps(value, allow_nan=False))


def test_guard_and_verify_say_it_alike() -> None:
    """The same keys, the same cells and the same version in both documents."""
    verified = json.loads(by_hand.as_json(FOUND))
    run = telling.Run(address_of("db"), GuardResult(found=FOUND, remaining=FOUND), 125)
    guarded = strict(telling.document(run, verbose=True))
    assert guarded["version"] == verified.pop("version") == document.VERSION
    assert guarded["found"] == guarded["remaining"] == verified == SHAPE


def test_without_rows_the_rest_is_the_same() -> None:
    """A short document counts, and differs in nothing else."""
    short, whole = strict(document.of(FOUND, rows=False)), strict(document.of(FOUND, rows=True))
    del whole["tables"]["t"]["rows"], whole["shadows"]["words"]["words_data"]["rows"]
    assert short == whole


@pytest.mark.parametrize("rows", [True, False])
def test_nothing_found_is_clean(rows: bool) -> None:
    """Every key is there, and empty."""
    said = document.of(Differences(), rows=rows)
    assert said.pop("clean") == {"rows": True, "exact": True}
    assert said.keys() == SHAPE.keys() - {"clean"}
    assert not any(said.values())
