"""The page's words are those of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

from harness.reports.words.glossary import FORMS, WORDS

GLOSSARY = Path(__file__).resolve().parents[3] / "docs" / "glossary.md"


def documented() -> dict[str, str]:
    """Return what docs/glossary.md says of each word, as plain text without links."""
    found = re.findall(r"^(\w[\w ]*)\n: (.*(?:\n  .*)*)", GLOSSARY.read_text(), re.MULTILINE)
    plain = ((word, re.sub(r"\s+", " ", says).strip()) for word, says in found)
    return {
        word.lower(): re.sub(r" \[[^\]]*\]\([^)]*\)\.", "", says).replace("`", "")
        for word, says in plain
    }


def test_it_says_what_the_documentation_says() -> None:
    """Word for word, and no word is missing on either side."""
    assert {word: one.says for word, one in WORDS.items()} == documented()


def test_a_few_words_are_few() -> None:
    """What is put into a sentence is short enough for one."""
    assert all(len(one.briefly) <= 60 for one in WORDS.values())
    assert FORMS.keys() <= WORDS.keys()
