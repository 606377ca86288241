import re
import shlex
from pathlib import Path

import pytest

from harness import registry
from harness.reports.console import ConsoleReport
from harness.terminal import room
from tests.reports.conftest import CONDITIONS
from tests.reports.stories import STORIES

RESULTS = Path(__file__).resolve().parents[2] / "results"
ESCAPE = "\x1b["


WIDTHS = [80, *(pytest.param(width, marks=pytest.mark.long) for width in (60, 120))]
RUNS = sorted(path.parent.name for path in RESULTS.glob("*/run.json"))


def words(text: str) -> set[str]:
    """What stands between blanks, without what a layout puts between them."""
    return {word.rstrip(",;:") for word in text.split()} - {"\\", "/"}


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_lines_fit_the_terminal(run: Path, width: int) -> None:
    """No line is wider than the terminal; commands go on in the next line, for a shell."""
    text = ConsoleReport(width=width, colour=False).render(run)
    option = f"    --condition {shlex.quote(CONDITIONS[1]['name'])} \\"  # never broken
    assert all(len(line) <= max(width, len(option)) for line in text.splitlines())
    lines = text.replace("\\\n", "").splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith("  harness replay ")]
    assert [command[-3:-1] for command in commands] == [
        [CONDITIONS[1]["name"], "--cycle"]
    ]  # forty alike
    assert [command[2] for command in commands] == [str(run)]


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_name_is_broken(name: str, width: int) -> None:
    """Every word of a published run is whole at any width, and every line fits."""
    whole = words(ConsoleReport(width=4000, colour=False).render(RESULTS / name))
    text = ConsoleReport(width=width, colour=False).render(RESULTS / name)
    # but for frames and what tells of attempts, which are drawn anew where it is narrow
    plain = re.sub(r"[─━╭╮╰╯│┏┓┗┛┃]+|\u00d7\d+", " ", text)
    assert sorted(words(plain) - whole) == []
    assert [line for line in text.splitlines() if room(line) > width and " " in line.strip()] == []


@pytest.mark.parametrize("width", [80, 120])
def test_every_verdict_and_reason_is_there(run: Path, width: int) -> None:
    """Verdicts and reasons are printed at any width, in the table or below it."""
    text = " ".join(ConsoleReport(width=width, colour=False).render(run).split())
    for words in ("supported", "refuted", "set point", "not measured", "[99.926%, 100%]"):
        assert words in text
    below = " ".join(ConsoleReport(width=80, colour=False).render(run).split())
    assert "absent: no cycle of condition 'never run' was run" in below


def test_colours_only_where_asked(run: Path) -> None:
    """Plain text holds no escape; coloured text is the same text."""
    plain = ConsoleReport(width=100, colour=False).render(run)
    coloured = ConsoleReport(width=100, colour=True).render(run)
    assert ESCAPE not in plain
    assert ESCAPE in coloured

    def words(text: str) -> list[str]:
        return re.sub(r"\x1b\[[\d;]*m", "", text).split()

    assert words(coloured) == words(plain)


def test_not_a_terminal_is_plain(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left to itself, the report has no colour where standard output is a file."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert ESCAPE not in registry.find("reports", "console")().render(run)


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_stories_come_first(stories: Path, width: int, encoding: str) -> None:
    """Every story is printed before the facts, fits, and takes no more than the output can."""
    text = ConsoleReport(width=width, colour=False, encoding=encoding).render(stories)
    text.encode(encoding)
    last = max(text.index(f"{name[:1].upper()}{name[1:]}  cycle 0") for name in STORIES)
    assert text.index("made") < last < text.index("\ncycles ")
    assert all(len(line) <= width or "harness replay" in line for line in text.splitlines())


@pytest.mark.parametrize("width", [60, 80, 120])
def test_together_or_apart_at_any_width(stories: Path, width: int) -> None:
    """The table keeps all its figures where it is narrow."""
    text = ConsoleReport(width=width, colour=False).render(stories)
    table = text[text.index("together or apart") : text.index("\nTimings")]
    for name in ("summary", "fine", "refused"):
        assert name in table
    assert "(100%)" in table
    assert "needed" in table


def test_markup_is_text(run: Path) -> None:
    """Square brackets of a name are printed, not taken for a style."""
    text = "".join(ConsoleReport(width=200, colour=False).render(run).split())
    assert "[d](e)" in text
