"""Names that hold escape sequences, line breaks or a CI's own words do nothing where printed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.printable import printable, printable_lines, printed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("bots, 3 of 5", "bots, 3 of 5"),
        ("é 日本 🙂", "é 日本 🙂"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b]0;title\x07\x1b[2J", r"\x1b]0;title\x07\x1b[2J"),
        ("\x9b31m", r"\x9b31m"),  # the same in one character
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("a\u200bb\u2028c", r"a\u200bb\u2028c"),
        ("\udc80", r"\udc80"),
        ("::error::x", r"\x3a:error::x"),
        ("  ::add-mask::x", r"  \x3a:add-mask::x"),
        ("tests/test_a.py::test_b", "tests/test_a.py::test_b"),
        ("a ##[error]b", r"a #\x23[error]b"),
        ("##vso[task.complete]", r"#\x23vso[task.complete]"),
        ("##teamcity[buildStop]", r"#\x23teamcity[buildStop]"),
        ("\x1b[0Ksection_start:1:a\r\x1b[0K", r"\x1b[0Ksection_start:1:a\r\x1b[0K"),
        ("## a heading", "## a heading"),
        (7, "7"),
    ],
)
def test_what_is_shown(text: object, shown: str) -> None:
    """What a reader sees as itself stays; all else is written as Python writes it."""
    assert printable(text) == shown


@given(st.text(st.characters(), max_size=40))
def test_nothing_is_left_to_obey(text: str) -> None:
    """Whatever the text: one line of characters that show, which begins no command."""
    shown = printable(text)
    assert all(unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for one in shown)
    assert not shown.lstrip().startswith("::")
    assert "##[" not in shown
    assert printable(shown) == shown
    shown.encode()


def test_lines_keep_their_breaks() -> None:
    """A message of several lines stays one, and none of its lines begins a command."""
    assert printable_lines("a\n::error::b\x1b") == "a\n\\x3a:error::b\\x1b"


def test_joined_lines_are_as_many_as_there_were() -> None:
    """A name in one of them begins none of its own."""
    assert printed(["a\nguard: it is proven", "::b"]) == "a\\nguard: it is proven\n\\x3a:b"
