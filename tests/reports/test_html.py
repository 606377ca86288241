import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness import registry
from harness.reports.html_parts.contents import SCRIPT, script_hash
from harness.reports.words.tables import read
from tests.reports.conftest import NASTY
from tests.reports.samples import HOSTILE, claim, condition, sample_summary, write_sample

ELSEWHERE = re.compile(r"(?:https?:)?//\w|@import|url\(|<link|\bsrc=|\bhref=(?!\"#)")
VOID = {"meta", "br", "hr", "img", "link", "input", "wbr"}


class Page(HTMLParser):
    """What a browser would make of the page: elements, their texts, and whether they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element."""
        self.tags.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element, which must be this one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Give the text to every element around it."""
        for tag in set(self.open):
            self.texts[tag][-1] += data


@pytest.fixture
def text(run: Path) -> str:
    """Render the page."""
    rendered: str = registry.find("reports", "html")().render(run)
    return rendered


def test_everything_is_escaped(text: str) -> None:
    """Hostile text is on the page as text; no element comes from it."""
    page = Page(text)
    assert NASTY in page.texts["td"]
    assert not [tag for tag, _ in page.tags if tag in ("b", "img", "iframe")]
    assert page.texts["script"] == [SCRIPT]  # the page's own
    assert all(str(given["href"]).startswith("#") for tag, given in page.tags if tag == "a")


def test_it_needs_no_network(text: str) -> None:
    """The page names no other file and no address, and forbids the browser to fetch any."""
    assert not ELSEWHERE.search(text)
    assert "default-src 'none'" in text
    assert f"script-src '{script_hash()}'" in text


def test_light_dark_and_phone(text: str) -> None:
    """The page follows the browser's colours and the width of a phone."""
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport" content="width=device-width' in text
    assert "max-width: 44rem" in text


def test_every_row_is_on_the_page(run: Path, text: str) -> None:
    """Each table is there with all its rows; timings and faults stand beside their drawings."""
    page, report = Page(text), read(run)
    tables = [t for t in (report.claims, report.conditions, report.together) if t.rows]
    cells = page.texts["td"]
    for row in (row for table in tables for row in table.rows):
        assert list(row) in [cells[at : at + len(row)] for at in range(len(cells))], row
    assert report.failures.rows
    assert [row[-1] for row in report.failures.rows] == page.texts["code"]
    for row in (*report.timings.rows, *report.faults.rows):
        assert list(row[2:]) in [cells[at : at + len(row) - 2] for at in range(len(cells))], row


def test_contents_lead_to_every_section(text: str) -> None:
    """Each section is in the contents, in the same order, and no link on the page is dead."""
    page = Page(text)
    names = [given["id"] for tag, given in page.tags if tag == "section" and given.get("id")]
    links = [given["href"] for tag, given in page.tags if tag == "a"]
    assert links[: len(names)] == [f"#{one}" for one in names]
    ids = [given["id"] for _, given in page.tags if "id" in given]
    assert len(ids) == len(set(ids))
    assert {f"#{one}" for one in ids} >= set(links)
    assert page.texts["h2"] == page.texts["li"][: len(names)]


def test_everything_a_summary_may_hold_is_shown(folder: Path) -> None:
    """A run with claims, curves, strata and dependence has a section and a figure for each."""
    page = Page(registry.find("reports", "html")().render(write_sample(folder / "full")))
    names = [given.get("id") for tag, given in page.tags if tag == "section"]
    assert names == ["answer", "ends", "claims", "conditions", "verdicts", "reliability", "figures",
                     "curves", "outcomes", "needed", "builds", "dependence", "struck", "timings",
                     "run", "words"]  # fmt: skip
    assert "Stratified estimates" in page.texts["h2"]  # which is what answers


def test_every_figure_says_what_it_is(folder: Path) -> None:
    """Each drawing that stands for itself is an image with a title and a description."""
    text = registry.find("reports", "html")().render(write_sample(folder / "full"))
    drawn = re.findall(r'<svg class="(?:figure-svg|strip)"([^>]*)>(.{0,40})', text)
    assert len(drawn) > 50
    assert all('role="img"' in given and after.startswith("<title>") for given, after in drawn)
    assert text.count("<title>") == text.count("<desc>") + 1  # the page's own
    others = set(re.findall(r'<svg (class="key" aria-hidden="true"|x=)', text))
    assert others == {'class="key" aria-hidden="true"', "x="}  # samples of legends, arrows


def test_hostile_text_anywhere(folder: Path) -> None:
    """In names, claims, sentences, faults, labels: no element, no attribute, valid UTF-8."""
    text = registry.find("reports", "html")().render(write_sample(folder / "bad", HOSTILE))
    text.encode("utf-8")
    page = Page(text)
    assert not [tag for tag, given in page.tags if tag == "b" or "onclick" in given]
    assert "quoted" in page.texts["h1"][0]


def test_a_long_run_stays_small(folder: Path) -> None:
    """Forty conditions with claims, faults and distributions are well below 1.5 MB."""
    summary = sample_summary()
    summary["conditions"] = [
        condition(f"condition {one} of many", one, claims=[claim(list(range(9, 9 + one)), 2000)])
        for one in range(40)
    ]
    run = write_sample(folder / "long", summary=summary)
    assert len(registry.find("reports", "html")().render(run)) < 1_500_000


def test_stories_come_first(stories: Path) -> None:
    """Every scenario is on the page before the first table, and the page stays one file."""
    text = registry.find("reports", "html")().render(stories)
    titles = Page(text).texts["h2"]
    told = read(stories).scenarios
    assert titles[: len(told)] == [f"{one.title} cycle {one.cycle}" for one in told]
    assert not ELSEWHERE.search(text)


def test_verdicts_have_their_colours(text: str) -> None:
    """A badge's colour is its verdict's."""
    badges = re.findall(r'class="badge ([\w-]+)">([^<]+)<', text)
    assert {kind for kind, _ in badges} >= {"supported", "refuted", "set-point", "not-measured"}
    assert all(kind == verdict.replace(" ", "-") for kind, verdict in badges)
