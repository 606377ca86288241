"""Workers that start together share the compiling of what they load.

Each loads all tests, and where nothing is compiled yet that takes three times as long. So every
second one loads them from the end: where the two meet, each finds the other's bytecode.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def load(config: pytest.Config) -> None:
    """Load the tests from the last to the first, in every second worker of pytest-xdist.

    What cannot be loaded is told when it is collected.
    """
    worker = getattr(config, "workerinput", {}).get("workerid", "gw0")
    if int(worker.removeprefix("gw")) % 2 == 0:
        return
    for path in sorted((ROOT / "tests").rglob("test_*.py"), reverse=True):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        with suppress(Exception, pytest.skip.Exception):
            import_module(name)
