"""What failed, in words: cause first, then how often and what differed, then the command."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path

from harness.analysis.failures import Alike
from harness.reports.words import failures

ONE = Alike(
    "dirty_known", ("delete: locked", "file_copy: full"), 7, (), 12, Counter(users=12, bots=3)
)


def test_a_row_has_cause_count_and_command() -> None:
    """The command, read as a shell does, names folder, condition and the first cycle."""
    ((condition, ended, detail, replay),) = failures.rows({"a 'b'": [ONE]}, Path("runs/x y"))
    assert (condition, ended) == ("a 'b'", "dirty and said so")
    said = "delete: locked; file_copy: full; 12 cycles; differed: users in 12, bots in 3"
    assert detail == said
    assert shlex.split(replay) == [
        "harness", "replay", "runs/x y", "--condition", "a 'b'", "--cycle", "7",
    ]  # fmt: skip


def test_nothing_raised_an_error() -> None:
    """A silent failure says that, and one cycle needs no counts of tables."""
    one = Alike("dirty_silent", (), 3, (), 1, Counter(users=1))
    said = "nothing raised an error; 1 cycle; differed: users"
    assert failures.detail(one) == said


def test_many_tables_are_not_all_named() -> None:
    """How many more there are is said."""
    one = Alike("dirty_known", (), 3, (), 2, Counter({f"t{at}": 1 for at in range(11)}))
    assert failures.what_differed(one).endswith("t7 in 1 and 3 more")
