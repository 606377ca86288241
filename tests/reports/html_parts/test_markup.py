import re

from hypothesis import given
from hypothesis import strategies as st

from harness.reports.html_parts import markup
from harness.reports.html_parts.markup import Cell
from harness.reports.words.tables import Table
from tests.reports.samples import HOSTILE
from tests.reports.test_html import Page


@given(st.text())
def test_any_text_is_safe(text: str) -> None:
    """Whatever people write makes no element, ends no attribute, and can be written as UTF-8."""
    found = markup.clean(text)
    assert not set('<>"') & set(found)
    found.encode("utf-8")
    page = Page(f'<p title="{found}">{found}</p>')
    assert [tag for tag, _ in page.tags] == ["p"]


def test_what_no_page_can_hold_is_replaced() -> None:
    """Control characters and half surrogates become a mark; line breaks stay."""
    assert (
        markup.clean("a\x00\ud800\x1bb\n\tc\u202e\u2066d")
        == "a\ufffd\ufffd\ufffdb\n\tc\ufffd\ufffdd"
    )


def test_tables_nest_and_keep_their_cells() -> None:
    """Each kind of table is well-formed and has every cell, hostile ones too."""
    told = Table("t", ("claim", "verdict", "n"), [(HOSTILE, "refuted at cycle 3", "1")],
                 figures=frozenset({"n"}))  # fmt: skip
    page = Page(markup.table(told))
    assert page.texts["td"] == [re.sub("[\x00\ud800\u202e\u202c]", "\ufffd", HOSTILE),
                                "refuted at cycle 3", "1"]  # fmt: skip
    assert Page(markup.plain_table(("a", "b"), [(HOSTILE, 1)])).texts["th"] == ["a", "b"]
    drawn = markup.drawn_table(
        [Cell("", "a", "name"), Cell("", "", "drawing")],
        [[Cell("a", "x", "name"), Cell("", "<svg></svg>", "drawing")]],
    )
    assert Page(drawn).texts["td"] == ["", "x", ""]


def test_badges_and_folds() -> None:
    """A verdict is a badge of its class, none is a dash; what is folded can begin open."""
    assert markup.badge("set point") == '<span class="badge set-point">set point</span>'
    assert markup.badge(None) == "-"
    assert markup.fold("s", "i").startswith("<details><summary>s")
    assert markup.fold("s", "i", opened=True).startswith("<details open>")
    assert '<section id="n">\n<h2>&lt;t&gt;</h2>\ninner' in markup.section("n", "<t>", "", "inner")


def test_a_name_breaks_after_its_parts() -> None:
    """Where there is no room a line ends after a slash or an underscore; no tag is changed."""
    assert markup.breakable("a/b_c") == "a/<wbr>b_<wbr>c"
    assert markup.breakable('<a href="#x_y/z">p</a>&#x27;') == '<a href="#x_y/z">p</a>&#x27;'
