from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.databases import Differences
from harness.errors import RestoreError
from harness.guard.per_test import savepoints as module
from harness.guard.per_test.savepoints import PIN, Keeper, answer
from tests.guard.connected import connected, elsewhere
from tests.recovery.helpers import DAMAGE, content, make


@pytest.mark.parametrize("times", [1, 9])
def test_a_commit_that_sneaks_in(folder: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """A commit between putting back and verifying is put back as well, or told; never passed."""
    path = make(folder, "wal")
    before = content(path)
    keeper = Keeper(path, busy_timeout_ms=50)
    keeper.begin()
    real, left = module.differences, [times]

    def differences(*where: Path, busy_timeout_ms: int) -> Differences:
        if left[0]:
            left[0] -= 1
            elsewhere(path, DAMAGE["update"])
        return real(*where, busy_timeout_ms=busy_timeout_ms)

    monkeypatch.setattr(module, "differences", differences)
    with connected(path, "DELETE FROM users"):
        if times == 1:
            assert keeper.finish() == "difference"
        else:
            with pytest.raises(RestoreError, match="bots: 0 added, 0 missing"):
                keeper.finish()
    keeper.close()
    assert (content(path) == before) == (times == 1)


def test_what_nobody_asks() -> None:
    """A request that is none, or comes at the wrong time, is answered with an error."""
    keeper = Keeper(Path("/nowhere/missing.db"))
    assert answer(keeper, "nonsense") == {"error": "KeyError: 'nonsense'"}
    assert "no baseline" in answer(keeper, "finish")["error"]
    assert "no such database" in answer(keeper, "begin")["error"]


def test_without_a_pin_it_copies(folder: Path) -> None:
    """Where somebody reads on and on no pin can be had: a copy is the baseline, then removed."""
    path = make(folder, "wal")
    reading = ("UPDATE users SET mail = 5", "BEGIN", "SELECT * FROM users")
    with connected(path, *reading):
        before = content(path)
        keeper = Keeper(path, busy_timeout_ms=20)
        assert keeper.begin() == "pages"
        assert os.path.exists(f"{path}.e2e-test.1")
        elsewhere(path, DAMAGE["insert"])
        assert keeper.finish() == "difference"
        assert not os.path.exists(f"{path}.e2e-test.1")
        keeper.close()
    assert content(path) == before


def test_what_is_in_the_way_is_said(folder: Path) -> None:
    """A transaction that stays open is a timeout in the answer, not "not an error" alone."""
    database = make(folder, "wal")
    keeper = Keeper(database, busy_timeout_ms=5)
    assert answer(keeper, "begin") == {"way": PIN}
    with closing(apsw.Connection(str(database))) as left:
        left.execute("BEGIN IMMEDIATE")
        assert answer(keeper, "finish")["error"].startswith("timeout (")
    keeper.close()


def test_closing_leaves_no_copy(folder: Path) -> None:
    """Of however many baselines: each copy goes, and nothing else does."""
    path = make(folder, "wal")
    with connected(path, "UPDATE users SET mail = 5", "BEGIN", "SELECT * FROM users"):
        keeper = Keeper(path, busy_timeout_ms=20)
        for number in range(1, 4):
            assert keeper.begin() == "pages"
            elsewhere(path, f"INSERT INTO users VALUES ('{number}')")
            assert os.path.exists(f"{path}.e2e-test.{number}")
        others = {name for name in os.listdir(folder) if ".e2e-test." not in name}
        keeper.close()
        assert set(os.listdir(folder)) == others
