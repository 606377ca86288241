"""What a terminal is given."""

from __future__ import annotations

import io
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.terminal import (
    Fitted,
    columns,
    command,
    in_colour,
    labelled,
    padded,
    room,
    styled,
    wrapped,
)

WORDS = st.lists(st.text("abc/_'é漢", min_size=1, max_size=12), min_size=1, max_size=12)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@given(WORDS, st.integers(1, 40))
def test_no_word_is_broken(words: list[str], width: int) -> None:
    """Every word is whole on a line, and a line is too wide only where one word is."""
    lines = wrapped(" ".join(words), width, "  ")
    assert [word for line in lines for word in line.split()] == words
    assert all(room(line) <= width or len(line.split()) == 1 for line in lines)


def test_blanks_within_a_line_stay() -> None:
    """What is between words is data where the line is not broken; an escape takes no room."""
    assert wrapped("  a   b", 20) == ["  a   b"]
    assert wrapped("", 20) == [""]
    text = f"one {styled('two', 'bold red')} three"
    assert wrapped(text, 13) == [text]
    assert wrapped(text, 12) == [f"one {styled('two', 'bold red')}", "three"]


def test_wide_characters_take_two_columns() -> None:
    """And combining ones none, so that columns stand below each other."""
    assert [room("ab"), room("漢字"), room("e\u0301"), room(styled("ab", "dim"))] == [2, 4, 1, 2]
    assert [padded("漢", 4), padded("漢", 4, right=True), padded("abc", 2)] == [
        "漢  ",
        "  漢",
        "abc",
    ]


@given(WORDS, st.integers(1, 60))
def test_a_command_can_be_copied(words: list[str], width: int) -> None:
    """A shell reads the words that were given, whatever is in them and however narrow it is."""
    lines = command(["harness", *words, "--cycle", 3], width)
    assert all(line.endswith(" \\") for line in lines[:-1])
    joined = "\n".join(lines).replace("\\\n", "")
    assert shlex.split(joined) == ["harness", *words, "--cycle", "3"]


def test_an_option_stays_beside_its_value() -> None:
    """Lines end between arguments, and only where they must."""
    words = ["harness", "replay", "a run", "--condition", "x y", "--cycle", 12]
    assert command(words, 80) == ["harness replay 'a run' --condition 'x y' --cycle 12"]
    assert command(words, 30) == [
        "harness replay 'a run' \\",
        "  --condition 'x y' \\",
        "  --cycle 12",
    ]
    assert command(words, 16)[2:4] == ["  --condition \\", "  'x y' \\"]


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"CI": "1"}, True),
    ],
)
def test_colours(
    environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal that can and whose user wants them; never elsewhere, whatever is forced."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert in_colour(Terminal()) is coloured
    assert not in_colour(io.StringIO())
    assert not in_colour(None)


def test_the_width_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """COLUMNS says it."""
    monkeypatch.setenv("COLUMNS", "61")
    assert columns() == 61


def test_labels_stand_in_a_column() -> None:
    """A label once, its lines below each other, and none for what has no lines."""
    parts: dict[str, Fitted] = {
        "a": lambda width: wrapped("1 2", width),
        "none": lambda width: [],
        "bcd": lambda width: ["a-long-word"],
    }
    assert labelled(parts, 80) == ["a     1 2", "bcd   a-long-word"]
    assert labelled(parts, 8) == ["a     1", "      2", "bcd", "  a-long-word"]
