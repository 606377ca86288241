"""Tables that fit."""

from __future__ import annotations

import pytest

from harness.reports.console_parts.layout import shown, widths
from harness.reports.words.tables import Table
from harness.terminal import room

NAME = "removals fail/hybrid_verified"
TABLE = Table(
    "Timings",
    ("condition", "step", "p50", "p95", "max"),
    [
        (NAME, "backup", "1.76 ms", "13.4 ms", "70.5 ms"),
        (NAME, "create", "0.41 ms", "7.08 ms", "1,234 ms"),
        ("another", "create", "0.41 ms", "7.08 ms", "20.9 ms"),
    ],
    figures=frozenset({"p50", "p95", "max"}),
)


def test_in_columns_where_there_is_room() -> None:
    """Figures stand to the right, and a name is there once for the rows that follow."""
    lines = shown(TABLE, 80, "-")
    assert lines[2] == f"{NAME}  backup  1.76 ms  13.4 ms   70.5 ms"
    assert lines[3] == f"{'':29}  create  0.41 ms  7.08 ms  1,234 ms"
    assert set(lines[1]) == {"-"}


def test_names_above_the_rows_where_it_is_narrow() -> None:
    """The name has a line of its own, and the figures keep their columns."""
    lines = shown(TABLE, 40, "-")
    assert lines[2:4] == [NAME, "  backup  1.76 ms  13.4 ms   70.5 ms"]
    assert [line for line in lines if NAME in line] == [NAME]


def test_cell_by_cell_where_it_is_narrower_still() -> None:
    """Each cell after its heading, as many to a line as fit."""
    assert shown(TABLE, 30, "-")[:3] == [
        NAME,
        "  step backup; p50 1.76 ms;",
        "    p95 13.4 ms; max 70.5 ms",
    ]


@pytest.mark.parametrize("width", range(29, 100, 7))
def test_nothing_is_broken_or_lost_at_any_width(width: int) -> None:
    """Every word of every cell is there whole, and every line fits."""
    lines = shown(TABLE, width, "-")
    words = {word.rstrip(";") for line in lines for word in line.split()}
    assert {word for row in TABLE.rows for cell in row for word in cell.split()} <= words
    assert max(map(room, lines)) <= width


def test_an_interval_stays_on_one_line() -> None:
    """A line ends before it, never within."""
    table = Table("t", ("a", "share"), [("a long name that wraps", "85.0% [70.4%, 94.1%]")])
    assert any(line.endswith("[70.4%, 94.1%]") for line in shown(table, 30, "-"))


def test_a_cell_keeps_its_own_lines() -> None:
    """Lines of one row stand below each other."""
    table = Table("t", ("a", "b"), [("x\ny", "1\n2\n3")])
    assert shown(table, 20, "-")[2:] == ["x  1", "y  2", "   3"]


def test_widths_go_to_those_that_lack_little() -> None:
    """A column that lacks two gets them before the one that wraps anyway."""
    table = Table("t", ("n", "v"), [("many words that have no room at all here", "ab cd")])
    assert widths(table, 20) == [13, 5]
    assert widths(table, 5) == []
