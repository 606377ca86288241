import io
import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from harness.reports.words.scenario import Removal
from harness.reports.words.stage import BAR, FINE, PLAIN, Symbols, _bar, stage, symbols
from tests.reports.stories import STORIES, scenarios


def drawn(run: Path, name: str, width: int, marks: Symbols, colour: bool = False) -> str:
    """Draw one of the stories."""
    file = io.StringIO()
    system = "standard" if colour else None
    console = Console(file=file, width=width, force_terminal=colour, color_system=system)  # type: ignore[arg-type]  # one of rich's words
    console.print(stage(scenarios(run)[name], width, marks))
    return file.getvalue()


@pytest.mark.parametrize("width", [50, 60, 80, 120, 200])
@pytest.mark.parametrize("marks", [FINE, PLAIN], ids=["fine", "ASCII"])
def test_it_fits_and_says_everything(stories: Path, width: int, marks: Symbols) -> None:
    """At any width every line is as wide as the frame, and no word of the story is missing."""
    for name in STORIES:
        text = drawn(stories, name, width, marks)
        assert {cell_len(line) for line in text.splitlines()} == {width}
        assert marks is FINE or text.isascii()
    text = re.sub(r"[^\w-]+", "", drawn(stories, "as in the summary", width, marks))
    for words in ("integrations2412", "networkerror", "foreign-keyviolation", "online_backup"):
        assert words in text


@pytest.mark.parametrize("width", [80, 120])
def test_columns_are_aligned(stories: Path, width: int) -> None:
    """Reasons of all failed entities stand below each other."""
    lines = drawn(stories, "as in the summary", width, FINE).splitlines()
    reasons = ("network error ", "API timeout", "foreign-key", "permission denied")
    places = {
        line.index(r) for r in reasons for line in lines if r in line and "bots 86" not in line
    }
    assert len(places) == 1
    assert ("█" in "".join(lines)) is (width == 120)


def test_a_dirty_end_alarms(stories: Path) -> None:
    """A dirty end is red and marked with !!!, also without colour; a clean end is neither."""
    for name, (outcome, _) in STORIES.items():
        coloured = drawn(stories, name, 100, FINE, colour=True)
        clean = outcome in ("cleaned", "restored")
        assert ("!!!" in drawn(stories, name, 100, PLAIN)) is not clean
        assert ("\x1b[1;37;41m" in coloured) is not clean  # bold white on red


@pytest.mark.parametrize(("removed", "full"), [(0, 0), (1, 0), (50, 5), (99, BAR - 1), (100, BAR)])
def test_a_bar_is_full_only_when_all_is_done(removed: int, full: int) -> None:
    """One entity left of a hundred leaves the bar short."""
    bar = _bar(Removal("Bots", removed, 100, ()), FINE).plain
    assert (len(bar), bar.count("█")) == (BAR, full)


@pytest.mark.parametrize(
    ("encoding", "marks"),
    [("utf-8", FINE), ("ascii", PLAIN), ("latin-1", PLAIN), (None, PLAIN), ("no such", PLAIN)],
)
def test_symbols_are_what_the_output_can_take(encoding: str | None, marks: Symbols) -> None:
    """Where one symbol cannot be encoded, all are ASCII."""
    assert symbols(encoding) is marks
