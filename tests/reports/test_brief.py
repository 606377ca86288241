"""The one screen that a run ends with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.analysis.summary import load, write
from harness.errors import UsageError
from harness.experiment.run import verdicts
from harness.reports.brief import MOST, BriefReport
from harness.results.reading import Results
from harness.terminal import room
from tests.stored_runs import cycles, make_run, row

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "results"
WIDTHS = [80, *(pytest.param(width, marks=pytest.mark.long) for width in (60, 120))]
RUNS = [
    path.relative_to(ROOT) for path in sorted(path.parent for path in RESULTS.glob("*/run.json"))
]
BY_NAME = pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
ESCAPE = re.compile(r"\x1b\[[\d;]*m")


def words(text: str) -> set[str]:
    """What stands between blanks, without what a layout puts between or behind them."""
    return {word.rstrip(",;:") for word in text.split()} - {"\\"}


def status_named(text: str) -> int:
    """The exit status that a report says a run ends with."""
    (status,) = re.findall(r"^exit status  (\d+): ", text, re.MULTILINE)
    return int(status)


@BY_NAME
@pytest.mark.parametrize("width", WIDTHS)
def test_it_is_one_screen_and_breaks_no_name(
    run: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most 23 lines of that width, and every word is one that the run itself has."""
    monkeypatch.chdir(ROOT)
    text = BriefReport(width=width, colour=False).render(run)
    lines = text.splitlines()
    assert len(lines) <= MOST < 24
    assert max(map(room, lines)) <= width
    summary = load(run).summary
    names = [name for one in summary["conditions"] for name in (one["name"], one["claimed"] or "")]
    names += [f"{one['claim']} ({one['claimed']})" for one in summary["rows"]]
    whole = words(BriefReport(width=4000, colour=False).render(run))
    body = text.split("not shown:")[0].split("exit status")[0]
    counted = {word for word in words(body) if re.fullmatch(r"\[?[\d.,]+[%\]]*", word)}
    told = {
        "dirty",
        "and",
        "said",
        "so",
        "refused",
        "before",
        "any",
        "test",
        "without",
        "a",
        "word",
    }
    assert sorted(words(body) - whole - words(" ".join(names)) - counted - told) == []


@BY_NAME
def test_the_status_it_names_is_the_one_that_the_run_ends_with(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is what `harness check` says of the same run; page and long form stand beside it."""
    monkeypatch.chdir(ROOT)
    text = BriefReport(width=80, colour=False).render(run)
    assert status_named(text) == verdicts.exit_code(verdicts.of_run(Results(run)))
    assert str(run / "report.html") in text
    assert f"harness report {run}" in text.replace("\\\n", "")


@pytest.mark.parametrize(
    ("outcomes", "status", "means"),
    [
        (["cleaned"] * 400, 0, "every claim is supported"),
        (["dirty_silent"] * 400, 1, "a claim is refuted"),
        (["cleaned"] * 40, 3, "undecided: too few cycles were run to say"),
        (["cleaned", "harness_error"] * 40, 4, "harness error: the measurement itself is in doubt"),
    ],
)
def test_each_end(folder: Path, outcomes: list[str], status: int, means: str) -> None:
    """Each status has its words, and its cause is above it."""
    claims = [{"name": "one", "claims": ["reliability >= 0.99"]}]
    write(made := make_run(folder / "run", cycles(outcomes), conditions=claims))
    text = BriefReport(width=80, colour=False).render(made.folder)
    assert f"exit status  {status}: {means}\n" in text
    assert status == verdicts.exit_code(verdicts.of_run(made))
    cause = {0: "supported", 1: "refuted", 3: "undecided", 4: "harness error"}[status]
    assert re.search(rf"^  {cause} ", text, re.MULTILINE)


def test_of_100_percent_nothing_is_supported(folder: Path) -> None:
    """Where one claim is not refuted and another supported, it does not say that all are."""
    rows = [row(at_least=0.5), row("data_safety", at_least=1)]
    write(made := make_run(folder / "run", cycles(["cleaned"] * 50), rows=rows))
    text = BriefReport(width=80, colour=False).render(made.folder)
    assert "0: every claim is supported, or of 100% not refuted" in text


def test_what_has_no_room_is_counted(folder: Path) -> None:
    """A run of hundred claims says how many it does not show."""
    rows = [row(claim=f"claim {number}", at_least=0.99) for number in range(100)]
    write(made := make_run(folder / "run", cycles(["cleaned"] * 40), rows=rows))
    text = BriefReport(width=80, colour=False).render(made.folder)
    shown = len(re.findall(r"^  undecided ", text, re.MULTILINE))
    assert f"not shown: {100 - shown} undecided\n" in text
    assert "100 claims: 100 undecided" in text
    assert len(text.splitlines()) <= MOST


def test_the_question_is_cut_with_an_ellipsis(folder: Path) -> None:
    """A long one takes two lines."""
    made = make_run(folder / "run", cycles(["cleaned"] * 40))
    asks = made.run["experiment"] | {"question": "Why not? " * 100}
    write(other := make_run(folder / "asks", cycles(["cleaned"] * 40), experiment=asks))
    lines = BriefReport(width=80, colour=False).render(other.folder).splitlines()
    assert [line for line in lines if "Why" in line] == lines[1:3]
    assert lines[2].endswith(" ...")
    assert len(lines[2]) <= 80


def test_how_to_go_on_is_said_where_it_is_known(folder: Path) -> None:
    """By the run itself, which knows its experiment; one line where it fits, else continued."""
    claims = [{"name": "one", "claims": ["reliability >= 0.999"]}]
    write(made := make_run(folder / "run", cycles(["cleaned"] * 40), conditions=claims))
    resume = [("harness", "run", "experiment.toml"), ("--resume",)]
    for width in (60, 200):
        text = BriefReport(width=width, colour=False, resume=resume).render(made.folder)
        one = " ".join(re.sub(r" \\\n *", " ", text).split())
        assert "next harness run experiment.toml --resume --stop-when-decided --cycles 3402" in one


def test_colours_are_the_same_text() -> None:
    """Escapes aside a terminal is told what a file is."""
    run = RESULTS / "summary_claims"
    plain = BriefReport(width=80, colour=False).render(run)
    coloured = BriefReport(width=80, colour=True).render(run)
    assert "\x1b[1;31m" in coloured
    assert "\x1b" not in plain
    assert ESCAPE.sub("", coloured) == plain


def test_where_there_is_no_run_it_says_so(folder: Path) -> None:
    """As every report does."""
    with pytest.raises(UsageError, match=r"no run\.json"):
        BriefReport().render(folder)
