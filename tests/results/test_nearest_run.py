"""A folder that is no run's: which run was meant, or what makes one."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.results.folder import read_run
from tests.stored_runs import cycles, make_run


@pytest.fixture
def runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three runs in ``runs``, in which one works."""
    for name in ("shop-1", "shop-2", "board-1"):
        make_run(folder / "runs" / name, cycles(["cleaned"]))
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("shop-1", "did you mean runs/shop-1?"),
        ("runs/shop_2", "did you mean runs/shop-2?"),
        ("runs", "there are runs/board-1, runs/shop-1, runs/shop-2"),
        ("runs/board-1/run.json", "did you mean runs/board-1?"),
        ("somewhere", "there are runs/board-1, runs/shop-1, runs/shop-2"),
        ("e.toml", "'harness run e.toml' makes one of that experiment"),
    ],
)
def test_the_nearest_run_is_named(runs: Path, given: str, said: str) -> None:
    """By its name here or in runs, from within it, or all that there are."""
    (runs / "e.toml").write_text("")
    with pytest.raises(UsageError) as caught:
        read_run(Path(given))
    assert str(caught.value) == f"{given} is not a run's folder: it has no run.json; {said}"


def test_where_there_are_none_nothing_is_offered(folder: Path) -> None:
    """A hint that leads nowhere would mislead."""
    with pytest.raises(UsageError, match=r"it has no run\.json$"):
        read_run(folder / "none")
