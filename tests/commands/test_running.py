"""The verbs that run cycles."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.reports.brief import BriefReport
from tests import forked
from tests.command_line import CHECKOUT, Call


def brief(run: Path) -> str:
    """What a run that is not on a terminal has on standard output."""
    return BriefReport(width=80, colour=False).render(run)


def test_run_check_report_replay(harness: Call, experiment: Path, folder: Path) -> None:
    """A run on the real site, judged, reported and one of its cycles run again."""
    run = folder / "run"
    status, out, err = harness("run", experiment, "--output", run, "--workers", 1)
    assert status == 0
    assert out == brief(run)  # and no line of the progress, which a pipe is not given
    assert f"small: seed 1, results in {run}" in err
    assert "a: noop at 0.05 a slot" in err
    assert "40/40 cycles" in err
    status, out, _ = harness("check", run)
    assert status == 0
    assert "a: reliability >= 0.5: supported at cycle" in out
    assert harness("check", run, "--claim", "reliability >= 0.9999", "--condition", "a")[0] == 3
    status, out, _ = harness("report", run, "--format", "json")
    assert json.loads(out)["conditions"][0]["cycles"] == 40
    status, out, _ = harness("report", run, "--format", "html", "--output", folder / "page.html")
    assert (status, out) == (0, "")
    assert "<html" in (folder / "page.html").read_text()
    for cycle in (0, 7):
        status, out, _ = harness("replay", run, "--condition", "a", "--cycle", cycle)
        assert status == 0, out
    status, _, err = harness("replay", run, "--condition", "a", "--cycle", 4000)
    assert (status, "has the cycles 0 to" in err) == (2, True)
    status, _, err = harness("run", experiment, "--output", run)
    assert status == 2
    assert "nothing was overwritten" in err


@pytest.mark.long
def test_a_stopped_run_says_how_to_go_on(experiment: Path, folder: Path) -> None:
    """What ended it, that nothing is judged, and the command that ends as an unbroken run would."""
    command = [sys.executable, "-m", "harness", "run", str(experiment), "--cycles", "1500",
               "--workers", "1", "--output", str(folder / "run")]  # fmt: skip
    child = subprocess.Popen(
        command, cwd=CHECKOUT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stderr is not None
    for line in child.stderr:
        if re.match(r"a: [\d,]+/1,500 cycles", line):
            break
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "exit status  130: interrupted, and nothing is judged yet" in out
    (said,) = re.findall(r"^next +(harness run (?:.|\n )*)$", out, re.MULTILINE)
    words = shlex.split(said.replace("\\\n", ""))
    assert words[3:] == ["--resume", "--output", str(folder / "run"), "--cycles", "1500",
                         "--workers", "1"]  # fmt: skip
    again = [sys.executable, "-m", *words]
    done = subprocess.run(again, cwd=CHECKOUT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "1,500 cycles in 1 condition" in done.stdout


@pytest.mark.long
def test_an_interrupted_run_does_not_blame_its_budget(experiment: Path, folder: Path) -> None:
    """What the budget decides nobody knows yet; a run that has spent it says what is open."""
    claims = 'claims = ["reliability >= 0.99999"]'
    text = experiment.read_text().replace('claims = ["reliability >= 0.5"]', claims)
    for cycles, stopped in ((200, False), (100_000, True)):
        path = folder / f"{cycles}.toml"
        path.write_text(text.replace("cycles = 40", f"budget = {{ cycles = {cycles} }}"))
        command = [sys.executable, "-m", "harness", "run", str(path), "--workers", "1"]
        child = subprocess.Popen(
            [*command, "--output", str(folder / f"of {cycles}")],
            cwd=CHECKOUT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert child.stderr is not None
        said = ""
        while stopped and not re.search(r"^a: \d+/\d+", said, re.MULTILINE):
            said += child.stderr.readline()
        if stopped:
            child.send_signal(signal.SIGINT)
        _, rest = child.communicate(timeout=60)
        assert child.returncode == (130 if stopped else 3)
        assert ("not decided within the budget" in said + rest) is not stopped


def test_the_log_tells_what_a_run_is_at(experiment: Path, folder: Path) -> None:
    """Rehearsals, workers from beginning to end, and what decides; the report is not in it."""
    done = forked.run(
        ["run", experiment, "-v", "--workers", 1, "--stop-when-decided", "--output", folder / "run"]
    )
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if "reliability_harness.run." in line]
    words = ["rehearsing a", "a: 40 cycles to run", "worker 0 started", "a is decided at cycle ",
             "ended: exit status 0"]  # fmt: skip
    assert [word for word, line in zip(words, told, strict=True) if word not in line] == []
    assert "reliability_harness" not in done.stdout


def test_programs_can_follow_a_run(experiment: Path, folder: Path) -> None:
    """Every line of standard error is an event, the last with the status; the end is as ever."""
    asked = ["--stop-when-decided", "--progress", "json", "--output", folder / "json"]
    done = forked.run(["run", experiment, "--workers", 1, *asked])
    told = [json.loads(line) for line in done.stderr.splitlines()]
    kinds = [one["event"] for one in told]
    assert (kinds[0], kinds[-2:]) == ("started", ["decided", "finished"])
    assert (told[-1]["status"], told[-1]["verdicts"][0]["verdict"]) == (0, "supported")
    assert told[-2]["cycle"] == told[-1]["verdicts"][0]["decided_at_cycle"]
    assert done.stdout == brief(folder / "json")


def test_nothing_is_shown_of_a_run_where_that_is_asked(experiment: Path, folder: Path) -> None:
    """Standard error is empty; how it ended is on standard output."""
    asked = ["--stop-when-decided", "--progress", "none", "--output", folder / "none"]
    done = forked.run(["run", experiment, "--workers", 1, *asked])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == brief(folder / "none")


@pytest.mark.parametrize("after_s", [0.0, 1.0])
def test_interrupted_is_130(experiment: Path, folder: Path, after_s: float) -> None:
    """Ctrl-C as a terminal sends it, to the whole group: also while the workers are starting."""
    command = [sys.executable, "-m", "harness", "run", str(experiment), "--cycles", "100000",
               "--workers", "2", "--output", str(folder / "run")]  # fmt: skip
    child = subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not (folder / "run" / "cycles.sqlite").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(after_s)
    os.killpg(child.pid, signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "go on with --resume" in out


def test_what_cannot_be_written_or_built_is_named(
    harness: Call, experiment: Path, folder: Path
) -> None:
    """Status 2, the place or the key, no traceback, and nothing is left or overwritten."""
    text = experiment.read_bytes()
    for output in (experiment, experiment / "below"):
        status, _, err = harness("run", experiment, "--output", output)
        assert (status, "is a file" in err) == (2, True)
    assert experiment.read_bytes() == text
    for size in (5000, 4096, 10**13, 2**42):
        key = f"defaults.workload.size_bytes={size}"
        status, _, err = harness("run", experiment, "--output", folder / "run", "--set", key)
        assert status == 2
        assert f"{experiment}: condition 'a': workload.size_bytes: " in err
        assert not (folder / "run").exists()
    harness("run", experiment, "--output", folder / "run", "--workers", 1)
    status, _, err = harness("report", folder / "run", "--output", folder / "no" / "where")
    assert status == 2
    assert "where: cannot be written" in err
    assert "Traceback" not in err
