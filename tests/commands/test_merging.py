"""The verb that joins runs, and the range that makes a shard, as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import Call


def test_a_run_in_shards(harness: Call, experiment: Path, folder: Path) -> None:
    """Two shards on the real site, merged, judged, reported, replayed; a shard says what it is."""
    a, b, run = folder / "a", folder / "b", folder / "run"
    asked = ("run", experiment, "--workers", 1)
    assert harness(*asked, "--cycles", "0-24", "--output", a)[0] == 0
    assert harness(*asked, "--cycles", "25-39", "--output", b, "--rates-of", a)[0] == 0
    for verb in ("check", "report"):
        status, _, err = harness(verb, b)
        assert (status, "is a shard, cycles 25 to 39" in err) == (2, True)
    assert harness("compare", a, b)[0] == 2
    status, out, _ = harness("merge", a, b, "--output", run)
    assert status == 0, out
    assert "40 cycles in 1 condition" in out
    assert harness("check", run)[0] == 0
    for where in (b, run):
        assert harness("replay", where, "--condition", "a", "--cycle", 30)[0] == 0
    status, _, err = harness("merge", a, b, "--output", run)
    assert (status, "already holds results" in err) == (2, True)
    status, _, err = harness(*asked, "--cycles", "25-38", "--output", b, "--resume")
    assert (status, "go on with it by --cycles 25-39" in err) == (2, True)


@pytest.mark.parametrize(
    ("cycles", "said"),
    [
        ("5-3", "did you mean 3-5?"),
        ("-5", "must be 1 or more"),
        *((text, "is neither a number of cycles") for text in (
            "5-", "a-b", "1-2-3", "--5", "", "1 - 2", "1.5", "1e3", "0x5", "5--3", "٣-٤", "9" * 30,
        )),
        ("0-9999999999999999999", "no cycle has a number above"),
        ("9999999999999999999", "no cycle has a number above"),
    ],
)  # fmt: skip
def test_what_is_no_range_is_refused(
    harness: Call, experiment: Path, folder: Path, cycles: str, said: str
) -> None:
    """With what was typed, and what can be."""
    status, _, err = harness("run", experiment, "--cycles", cycles, "--output", folder / "none")
    assert (status, said in " ".join(err.split())) == (2, True), err
    assert not (folder / "none").exists()


def test_merge_needs_folders_and_where_to(harness: Call, folder: Path) -> None:
    """Without either it says which."""
    assert "Missing argument" in harness("merge", "--output", folder / "x")[2]
    assert "Missing option '--output'" in harness("merge", folder)[2]
