import sqlite3

import pytest

from harness.test_rows.checks import check_of, glob, like


def test_names_are_told_from_texts() -> None:
    """Brackets, quotes and comments inside an expression do not mislead."""
    first = check_of("a IN ('x)', 'y''z') /* 'no' */")
    assert first.hints[:2] == ("x)", "y'z")
    second = check_of("([check this] > 0) AND (a <> '')")
    assert "check this" in second.names
    assert 1 in second.hints


def test_hints_speak_of_what_a_check_asks_for() -> None:
    """Lengths, patterns, dates and JSON each give values of that form; a great number is real."""
    hints = {name: check_of(text).hints for name, text in _ASKED.items()}
    assert "aaaaa" in hints["length"]
    assert "2024-02-29" in hints["date"]
    assert "[]" in hints["json"]
    assert 1950 in hints["range"]
    assert "in_progress" in hints["word"]
    assert all(abs(one) < 2**63 or isinstance(one, float) for one in hints["great"])


_ASKED = {
    "length": "length(a) = 5",
    "date": "a IS date(a)",
    "json": "json_valid(a)",
    "range": "a BETWEEN 1900 AND 2000",
    "word": "a IN ('in_progress')",
    "great": "a < 9223372036854775807",
}


@pytest.mark.parametrize(
    ("operator", "pattern", "write"),
    [
        ("LIKE", "%_@_%._%", like),
        ("LIKE", "http%", like),
        ("GLOB", "[A-Z][^A-Z]-[0-9]?*", glob),
        ("GLOB", "*.png", glob),
    ],
)
def test_what_is_written_for_a_pattern_matches_it(operator: str, pattern: str, write) -> None:  # noqa: ANN001 - one of two functions
    """SQLite itself says that the text matches the pattern it was written for."""
    connection = sqlite3.connect(":memory:")
    for filling in ("ab", ""):
        found = connection.execute(f"SELECT ? {operator} ?", (write(pattern, filling), pattern))
        assert found.fetchone() == (1,)
