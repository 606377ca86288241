import re

import pytest
from rich.text import Text

from docs import terminal
from docs.terminal import DOCS, INK, NO_BREAK

OTHERWISE = re.compile(r"\d+(?:[.,]\d+)?")  # times, and the moment in an archive's name


def shown(picture: str) -> list[str]:
    """The lines of a picture, as text."""
    lines = re.findall(r"<text .*?</text>", picture)
    plain = [re.sub("<[^>]+>", "", line).replace(NO_BREAK, " ").rstrip() for line in lines]
    return [line.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&") for line in plain]


def alike(lines: list[str]) -> list[str]:
    """The lines without what differs from run to run: figures, and units of time."""
    return [re.sub(r"0 (?:ms|s|us)\b", "0", OTHERWISE.sub("0", line)) for line in lines]


@pytest.fixture(scope="module")
def said() -> list[Text]:
    """What a guard says today."""
    return terminal.wrapped(terminal.run_guard())


def picture(theme: str) -> str:
    """The picture that is committed."""
    return (DOCS / "figures" / f"guard-{theme}.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", INK)
def test_the_picture_shows_what_the_guard_says(theme: str, said: list[Text]) -> None:
    """Line for line, figures aside: the last one proves the database back."""
    now = [line.plain.rstrip() for line in said]
    assert alike(shown(picture(theme))) == alike(now), "out of date: python -m docs.terminal"
    assert now[-1].endswith("is proven back at its baseline")


@pytest.mark.parametrize("theme", INK)
def test_the_picture_has_the_colours_of_the_terminal(theme: str, said: list[Text]) -> None:
    """The last line is green and bold there, and so it is in the picture."""
    last = re.findall(r"<text .*?</text>", picture(theme))[-1]
    assert f'fill="{INK[theme]["green"]}"' in last
    assert 'font-weight="bold"' in last
    assert "<text" in terminal.drawn(said, INK[theme])


def test_another_sentence_is_seen() -> None:
    """The check is checked: a word that changed, and a line more."""
    lines = shown(picture("light"))
    assert alike([line.replace("is proven", "is not proven") for line in lines]) != alike(lines)
    assert alike([*lines, "guard: more"]) != alike(lines)


def test_what_is_no_markup_stays_text() -> None:
    """Signs that XML reads are escaped, blanks in a row stay as many."""
    made = terminal.drawn([Text("a  <b> & c")], INK["light"])
    assert f"a{NO_BREAK}{NO_BREAK}&lt;b&gt;{NO_BREAK}&amp;{NO_BREAK}c" in made
    assert shown(made) == ["a  <b> & c"]
