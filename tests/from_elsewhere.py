"""Workers that start together share the compiling of what they load.

Each loads all tests, and where nothing is compiled yet that takes three times as long. So each
begins at a place of its own and goes round: where it comes to another's, it finds the bytecode.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def load(config: pytest.Config) -> None:
    """Load the tests from this worker's place on, and round; the first is collected at once.

    What cannot be loaded is told when it is collected.
    """
    told = getattr(config, "workerinput", {"workerid": "gw0", "workercount": 1})
    number = int(told["workerid"].removeprefix("gw"))
    if number == 0:
        return
    paths = sorted((ROOT / "tests").rglob("test_*.py"))
    place = len(paths) * number // told["workercount"]
    for path in paths[place:] + paths[:place]:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        with suppress(Exception, pytest.skip.Exception):
            import_module(name)
