import re
from pathlib import Path

import pytest

from harness import registry
from harness.reports.console import ConsoleReport
from tests.reports.stories import STORIES

ESCAPE = "\x1b["


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_lines_fit_the_terminal(run: Path, width: int) -> None:
    """No line is wider than the terminal, but for commands, which must stay in one piece."""
    text = ConsoleReport(width=width, colour=False).render(run)
    for line in text.splitlines():
        assert len(line) <= width or line.startswith("  harness replay ")
    commands = [line for line in text.splitlines() if line.startswith("  harness replay ")]
    assert len(commands) == 1  # forty cycles that failed alike
    assert all(re.search(r"--cycle \d+$", line) for line in commands)


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
