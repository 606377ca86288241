import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.analysis.summary import summarise, write
from harness.errors import UsageError
from harness.reports.published.readme import (
    BEGIN,
    END,
    RUNS_BEGIN,
    RUNS_END,
    in_full,
    in_short,
    main,
    readme_table,
)
from harness.reports.published.said import BEGIN as SAID_BEGIN
from harness.reports.published.said import END as SAID_END
from harness.results.reading import Results
from tests.reports.samples import sample_summary
from tests.stored_runs import cycles, make_run

SAID = f"{SAID_BEGIN}\nold\n{SAID_END}\n"
RUNS = f"{RUNS_BEGIN}\nold\n{RUNS_END}\n"
TEXT = f"# A title\n\nbefore\n\n{RUNS}{SAID}\nbetween\n\n{BEGIN}\nold\n{END}\n\nafter\n"


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as people do, from another folder than the README's."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "harness.reports.published.readme",
            str(folder / "README.md"),
            str(folder / "page.md"),
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def costs(folder: Path) -> Path:
    """Write a run with two recoveries at one size and nothing claimed."""
    names = ["wal_pin/2691072", "file_copy/2691072"]
    records = [
        record
        for place, name in enumerate(names)
        for record in cycles(
            ["restored"] * 3,
            condition=name,
            timings_ms={"backup": 0.5 + place, "restore": 0.25, "verify": 12.5},
        )
    ]
    results = make_run(folder, records, conditions=[{"name": name} for name in names])
    write(results)
    return results.folder


def test_what_each_recovery_costs(folder: Path) -> None:
    """A line for each recovery and size, with the medians of backup, restore and verification."""
    summary = json.loads((costs(folder / "run") / "summary.json").read_text())
    assert readme_table(summary).splitlines() == [
        "Wall-clock time, which holds what other programs did meanwhile.",
        "",
        "| recovery | database, bytes | backup p50 | restore p50 | verify p50 |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| wal_pin | 2,691,072 | 0.50 ms | 0.25 ms | 12.5 ms |",
        "| file_copy | 2,691,072 | 1.50 ms | 0.25 ms | 12.5 ms |",
    ]


def test_the_claims_table(run: Path) -> None:
    """Claimed, measured with its interval, verdict and reason, row by row."""
    lines = readme_table(json.loads((run / "summary.json").read_text())).splitlines()
    assert lines[0] == (
        "In brackets the interval: Clopper-Pearson's, for numbers of cycles fixed beforehand. "
        "A set point was solved for: it supports nothing. "
        "Each verdict is given at 98.3%, so that all hold together."
    )
    assert lines[2] == "| claim | claimed | measured | verdict | why |"
    assert lines[4] == (
        "| combined approach | 99.9% | 100% [99.926%, 100%] | supported "
        "| 0 failures in 5,000; decided at cycle 4,572 (at 98.3%) |"
    )


def test_a_story_is_told_as_on_a_terminal(stories: Path) -> None:
    """A run with stories and no claims is told step by step, in a block of plain text."""
    lines = readme_table(summarise(Results(stories))).splitlines()
    assert lines[0] == "```text"
    assert any("Users" in line and "1/2 deleted" in line for line in lines)
    assert not any("\x1b" in line or line != line.rstrip() for line in lines)


def test_what_failed_together(folder: Path) -> None:
    """A run whose faults share a cause shows how often cleanup and restore failed together."""
    shared = {"disk": {"rate": 0.1, "faults": ["disk_full"]}}
    records = cycles(["restored", "cleaned", "dirty_known"], condition="one")
    made = make_run(
        folder / "run",
        records,
        conditions=[{"name": "one", "policy": "hybrid_verified", "causes": shared}],
    )
    lines = readme_table(summarise(made)).splitlines()
    assert lines[0].startswith("| condition | cleanup failed | backup refused |")
    assert lines[2].startswith("| one | ")
    assert lines[2].endswith("| disk |")


def test_only_what_is_between_the_markers_changes(folder: Path) -> None:
    """Text around the blocks stays, they are new, and doing it again changes nothing."""
    run = costs(folder / "run")
    summary = json.loads((run / "summary.json").read_text())
    new = in_full(TEXT, {"results/run": summary}, {"results/run": run})
    assert new.startswith(f"# A title\n\nbefore\n\n{RUNS_BEGIN}\n")
    assert f"{RUNS_END}\n{SAID_BEGIN}\n" in new
    assert f"{SAID_END}\n\nbetween\n\n{BEGIN}\n" in new
    assert new.endswith(f"\n{END}\n\nafter\n")
    assert "\nold\n" not in new
    assert "| [run](results/run/report.html) |" in new
    assert "6 cycles, from `results/run/summary.json`" in new
    assert in_full(new, {"results/run": summary}, {"results/run": run}) == new


@pytest.mark.parametrize("text", ["", BEGIN, END + BEGIN, BEGIN + END + END])
def test_without_markers_nothing_is_written(text: str) -> None:
    """Markers that are missing, doubled or the wrong way round are an error."""
    with pytest.raises(UsageError, match="measured: begin"):
        in_full(RUNS + SAID + text, {}, {})
    for block, name in ((SAID, "said"), (RUNS, "published")):
        with pytest.raises(UsageError, match=f"{name}: begin"):
            in_full(TEXT.replace(block, text.replace("measured", name)), {}, {})
    with pytest.raises(UsageError, match="said: begin"):
        in_short(text.replace("measured", "said"), {})


def test_neither_claims_nor_costs(folder: Path) -> None:
    """A summary with nothing to make a table of is an error, not an empty table."""
    with pytest.raises(UsageError, match="nothing to make a table of"):
        readme_table(summarise(make_run(folder / "run", cycles(["cleaned"]))))


def test_the_command_writes_and_checks(folder: Path, run: Path) -> None:
    """A stale document fails the check untouched, is rewritten, passes, and fails when edited."""
    other = costs(folder / "costs")
    readme, page = folder / "README.md", folder / "page.md"
    readme.write_text(SAID)
    page.write_text(TEXT)
    runs = (str(run), str(other))

    def status(*arguments: str) -> int:
        return CliRunner().invoke(main, [str(readme), str(page), *arguments]).exit_code

    assert command(folder, "--check", *runs).returncode == 1
    assert (readme.read_text(), page.read_text()) == (SAID, TEXT)
    assert status(*runs) == 0
    assert "from `a run/summary.json`" in page.read_text()
    assert status("--check", *runs) == 0
    for document in (readme, page):
        good = document.read_text()
        document.write_text(good.replace(SAID_END, f"It always holds.\n{SAID_END}"))
        assert status("--check", *runs) == 1
        document.write_text(good)
    assert status("--check", f"--also={other}", str(run)) == 1
    assert status(f"--also={other}", str(run)) == 0
    assert "[costs](costs/report.html)" in page.read_text()
    assert "from `costs/summary.json`" not in page.read_text()


def test_the_command_refuses_what_it_cannot_read(folder: Path) -> None:
    """A run without a summary, or without a run.json, is a usage error that names it."""
    (folder / "README.md").write_text(SAID)
    (folder / "page.md").write_text(TEXT)
    done = command(folder, str(folder / "nowhere"))
    assert done.returncode == 2
    assert "nowhere/summary.json" in done.stderr
    done = command(folder, str(costs(folder / "costs")), f"--also={folder}")
    assert done.returncode == 2
    assert "it has no run.json" in done.stderr


def test_curves_strata_and_independence_have_tables() -> None:
    """Strata stand beside what was counted; without them curves have their frontier's sentence."""
    summary = sample_summary() | {"rows": [], "stories": []}
    assert "| fault rate | counted | cycles | by number of faults |" in readme_table(summary)
    swept = summary | {
        "conditions": [one | {"strata": None} for one in summary["conditions"]],
    }
    table = readme_table(swept)
    for curve in summary["curves"]:
        assert f"| {curve['frontier']['sentence']} |" in table
    alone = swept | {"curves": []}
    assert "| condition | both failed |" in readme_table(alone)
