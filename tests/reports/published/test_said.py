import re

import pytest

from harness.reports.published.said import by_hand, said_block, short_block
from tests.reports.rows import ended, judged, summary


def test_paragraphs_are_wrapped_and_headed() -> None:
    """Each finding has a heading, no line is longer than the file's, and names are escaped."""
    runs = {
        "results/a": summary(
            [ended("a", cleaned=97, refused=2, dirty_known=1)],
            [judged("combined, a * b <c>", "undecided", condition="a")],
        )
    }
    text = said_block(runs)
    assert re.findall(r"^\*\*(.*?)\*\*", text, re.MULTILINE) == ["Is 99.9% true?", "Refusals."]
    assert max(map(len, text.splitlines())) <= 100
    assert r"a \* b &lt;c>" in text.replace("\n", " ")
    assert said_block({}).strip() == ""


@pytest.mark.parametrize("length", range(60, 110))
def test_no_line_begins_a_list(length: int) -> None:
    """Wherever a line breaks, the sum's minus and a number's full stop begin no list."""
    name = "n" * length
    found = {
        "cells": {"both": 5, "cleanup_only": 5, "restore_only": 5, "neither": 5},
        "odds_ratio": {"lower": 0.3, "upper": 2.9},
        "predicted": {"estimate": None},
        "measured": {"estimate": None},
    }
    runs = {
        "i": summary([ended(name, cleaned=1) | {"dependence": found}], experiment="independence"),
        "x": summary([ended("a", cleaned=1)], [judged(name, "undecided", condition="a")]),
    }
    lines = said_block(runs).splitlines()
    assert not [line for line in lines if re.match(r"([-+*#>]|\d+[.)]) ", line)]


def test_what_is_quoted_or_made_is_no_result_by_hand() -> None:
    """Blocks, code, quotations and addresses may hold figures; a sentence beside them may not."""
    text = (
        "# A\n<!-- said: begin -->\n90% hold.\n<!-- said: end -->\n"
        '"always alike" is `99.9%` of [it](x-1.md).\nIt holds in 9 of 10.\nHardly ever.\n'
    )
    assert by_hand(text) == ["It holds in 9 of 10.", "Hardly ever."]


def test_the_short_one_is_one_paragraph() -> None:
    """A README's block has the first heading alone, wrapped and escaped; nothing without rows."""
    runs = {
        "results/a": summary(
            [ended("a", cleaned=97, refused=2, dirty_known=1)],
            [judged("combined, as this guard does it, a * b <c>", "undecided", condition="a")],
        )
    }
    text = short_block(runs)
    assert re.findall(r"^\*\*(.*?)\*\*", text, re.MULTILINE) == ["Is 99.9% true?"]
    assert max(map(len, text.splitlines())) <= 100
    assert r"a \* b &lt;c>" in text.replace("\n", " ")
    assert "1 dirty and said so" in text.replace("\n", " ")
    assert short_block({}).strip() == ""
