"""A special word is explained once, where it is first used, and nothing else is touched."""

from __future__ import annotations

from harness.reports.html_parts.glossary import explained
from harness.reports.words.glossary import WORDS
from tests.reports.test_html import Page


def test_once_where_first_used() -> None:
    """The first use in a sentence leads to the list, with a few words; the second does not."""
    page, words = explained("<p>Each slot has one. Slots and a slot.</p>")
    briefly = WORDS["slot"].briefly
    assert page == (
        f'<p>Each <a class="word" href="#word-slot">slot</a> ({briefly}) has one. Slots and a '
        "slot.</p>"
    )
    assert Page(words).texts["dd"] == [WORDS["slot"].says]


def test_only_sentences() -> None:
    """Names, headings, code, links, drawings and what people ask stay as they are."""
    for kind in ("h2", "code", "td", "strong", "svg", "summary", "a"):
        text = f"<{kind}>a slot</{kind}>"
        assert explained(text) == (text, "")
    asked = '<p class="question">Which slot?</p>'
    assert explained(asked + "<p>x</p>") == (asked + "<p>x</p>", "")
    inside = "<p><code>slot</code> hybrid_slot slot_x</p>"
    assert explained(inside)[1] == ""


def test_a_sentence_that_explains_needs_no_second_one() -> None:
    """Neither "Masked: ..." nor "A control shows ..." is explained again, but both lead on."""
    page, _ = explained("<p>In 50 cycles: so.</p>")
    assert f"({WORDS['cycle'].briefly}): so" in page
    for text in ("Masked: it struck.", "Yes. A control shows it.", "the truth&#x27;s word"):
        page, words = explained(f"<p>{text}</p>")
        assert "(" not in page
        assert words


def test_any_page_stays_well_formed() -> None:
    """Elements that end themselves, and forms of a word in several letters, are no trouble."""
    page, _ = explained("<ul><li>Set points<br>and<input>cycles</li></ul><p>Lift-off: lift</p>")
    Page(page)
    assert page.count('class="word"') == 3
