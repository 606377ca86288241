"""Shards of real runs become the run that they are parts of."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.analysis.loading import load
from harness.errors import MeasurementError, UsageError
from harness.experiment.run import merge as merging
from harness.experiment.run.merge import merge
from tests.experiment.run.runs import Runs
from tests.results.merging.folders import shard

CLAIM = '["reliability >= 0.9"]\nfaults.noop.rate = 0'


def merged(runs: Runs, *names: str, output: str = "merged") -> int:
    """Merge runs; return the exit status."""
    said = io.StringIO()
    try:
        folders = [runs.folder / name for name in names]
        return merge(folders, runs.folder / output, Console(file=said, width=200))
    finally:
        runs.said = said.getvalue()


def test_merged_shards_are_the_run(runs: Runs) -> None:
    """Rows, verdicts and the cycle that decided are those of one run, which overlaps harm not."""
    runs.write(claims=CLAIM, more="faults.noop.rate = 0\n")
    assert runs("one", site="LateFailures", cycles=90) in (0, 1, 3)
    for name, cycles in {"x": range(40), "y": range(30, 70), "z": range(70, 90)}.items():
        assert runs(name, site="LateFailures", cycles=cycles) == 0
    status = merged(runs, "z", "x", "y")
    assert runs.rows("merged") == runs.rows("one")
    one, both = (load(runs.folder / name) for name in ("one", "merged"))
    verdicts = [
        [(claim["verdict"], claim["decided_at_cycle"], claim["interval_method"])
         for condition in run.summary["conditions"] for claim in condition["claims"]]
        for run in (one, both)
    ]  # fmt: skip
    assert verdicts[0] == verdicts[1]
    assert status == {"supported": 0, "undecided": 3, "refuted": 1}[both.summary["verdict"]]
    for key in ("experiment", "configured", "seed", "rates", "versions", "fingerprint", "looked"):
        assert one.run[key] == both.run[key], key
    assert [entry["cycles"] for entry in both.run["shards"]] == [[0, 39], [30, 69], [70, 89]]
    assert both.run["wall_s"] == pytest.approx(sum(e["wall_s"] for e in both.run["shards"]))
    assert "merged 3 shards into" in runs.said
    names = {"run.json", "cycles.sqlite", "cycles.parquet", "summary.json", "report.html"}
    assert {path.name for path in (runs.folder / "merged").iterdir()} == names


def test_a_merged_run_may_be_gone_on_with(runs: Runs) -> None:
    """By another shard, or by --resume; what had been judged before it went on was looked at."""
    assert runs("x", cycles=range(20)) == 0
    assert merged(runs, "x", output="first") == 0
    assert runs("y", cycles=range(20, 30)) == 0
    assert merged(runs, "first", "y", output="second") == 0
    second = load(runs.folder / "second").run
    assert second["looked"]
    assert [entry["folder"] for entry in second["shards"]] == ["x", "y"]
    assert merged(runs, "second", "x", "y", output="named again") == 0
    assert load(runs.folder / "named again").run["shards"] == second["shards"]
    assert runs("second", resume=True, cycles=40) == 0
    assert merged(runs, "second", output="third") == 0
    entries = load(runs.folder / "third").run["shards"]
    assert [entry["cycles"] for entry in entries] == [[0, 19], [20, 29], [30, 39]]
    assert runs("one", cycles=40) == 0
    assert runs.rows("second") == runs.rows("one")


def test_nothing_is_written_where_anything_is_wrong(runs: Runs) -> None:
    """Gaps, a folder that has results, one named twice, one that is not finished."""
    shard(runs.folder / "x", range(5))
    shard(runs.folder / "y", range(6, 9))
    shard(runs.folder / "open", range(5, 9), finished=None)
    for names, match in {
        ("x", "y"): "none of these folders: cycle 5. ",
        ("x", "x"): "named twice",
        ("x", "open"): "is not finished",
        ("x", "nowhere"): "is not a run's folder",
    }.items():
        with pytest.raises(UsageError, match=match):
            merged(runs, *names)
        assert not (runs.folder / "merged").exists()
    with pytest.raises(UsageError, match="already holds results"):
        merged(runs, "x", output="y")


@pytest.mark.parametrize("looked", [(False, False), (True, False), (False, True)])
def test_what_anybody_looked_at_was_looked_at(runs: Runs, looked: tuple[bool, bool]) -> None:
    """Of one shard is enough, and the interval is one that holds whenever it is looked at."""
    for number, word in enumerate(looked):
        shard(runs.folder / str(number), range(number * 5, number * 5 + 5), looked=word)
    assert merged(runs, "0", "1") == 0
    assert load(runs.folder / "merged").run["looked"] == any(looked)
    (claim,) = load(runs.folder / "merged").summary["conditions"][0]["claims"]
    assert (claim["interval_method"] == "e_process") == any(looked)


def test_what_was_made_goes_where_it_cannot_be_written(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of the user's stays, as empty as it was."""
    monkeypatch.chdir(runs.folder)
    shard(Path("x"), range(5))
    shard(Path("y"), range(5))
    (runs.folder / "y" / "cycles.sqlite").write_bytes(b"no database")
    with pytest.raises(MeasurementError, match="cannot be read"):
        merged(runs, "y")
    assert not Path("merged").exists()
    Path("theirs").mkdir()
    shutil.rmtree("y")
    shard(Path("y"), range(5), change=lambda one: replace(one, left_behind=1))
    with pytest.raises(UsageError, match="ended otherwise"):
        merged(runs, "x", "y", output="theirs")
    assert list(Path("theirs").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(runs: Runs) -> None:
    """Where nobody may write, root included; and in the place of a file."""
    shard(runs.folder / "x", range(5))
    with pytest.raises(UsageError, match="/proc/none/merged cannot be made"):
        merged(runs, "x", output="/proc/none/merged")
    with pytest.raises(UsageError, match="can be no folder"):
        merged(runs, "x", output="tried.toml/merged")


def test_several_machines_are_all_named(runs: Runs) -> None:
    """One text for what differs; each shard has its own."""
    for number, cpu in enumerate(("fast", "slow")):
        cycles = range(number * 5, number * 5 + 5)
        shard(runs.folder / str(number), cycles, machine={"cpu": cpu, "cores": 2})
    shard(runs.folder / "2", range(10, 15), machine={"cpu": "slow", "cores": 2}, on="local:2")
    assert merged(runs, "0", "1", "2") == 0
    run = json.loads((runs.folder / "merged" / "run.json").read_text())
    assert run["machine"] == {"cpu": "fast or slow", "cores": 2}
    assert [entry["machine"]["cpu"] for entry in run["shards"]] == ["fast", "slow", "slow"]
    assert [entry.get("on") for entry in (run, *run["shards"])] == [None, None, None, "local:2"]


def test_what_a_killed_merge_left_is_said(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cycles without run.json, or a run: never an advice that merging does not know."""
    runs("x", cycles=range(5))
    child = os.fork()
    if not child:
        monkeypatch.setattr(merging, "write_run", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        merged(runs, "x")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    with pytest.raises(UsageError, match="a merge that was killed leaves it; to merge anew remove"):
        merged(runs, "x")
    assert merged(runs, "x", output="again") == 0
    with pytest.raises(UsageError) as refused:
        merged(runs, "x", output="again")
    assert "to merge anew remove" in str(refused.value)
    assert "--resume" not in str(refused.value)
