"""How a thing is written says what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.processes.actions import Callback, Sql
from harness.processes.command import Command
from harness.processes.written import action_of


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (("DELETE FROM bots",), Sql),
        ("package.module:function", Callback),
        ("module:function", Callback),
        ("npm run e2e:clean", Command),
        ("./clean.sh", Command),
        ("a:b c", Command),
    ],
)
def test_how_it_is_written_says_what_it_is(written: str, kind: type, tmp_path: Path) -> None:
    """A list is SQL, one dotted name with a colon a function, all else a command."""
    action = action_of(written, tmp_path, timeout_s=1)
    assert type(action) is kind
    assert action.is_process == (kind is Command)
