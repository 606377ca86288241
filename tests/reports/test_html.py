import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness import registry
from harness.reports.tables import read
from tests.reports.conftest import NASTY

VOID = {"meta", "br", "hr", "img", "link", "input"}


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
    assert not [tag for tag, _ in page.tags if tag in ("script", "b", "a", "img", "iframe")]


def test_it_needs_no_network(text: str) -> None:
    """The page names no other file and no address, and forbids the browser to fetch any."""
    assert not re.search(r"(?:https?:)?//\w|@import|url\(|<link|\bsrc=|\bhref=", text)
    assert "default-src 'none'" in text


def test_light_dark_and_phone(text: str) -> None:
    """The page follows the browser's colours and the width of a phone."""
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport" content="width=device-width' in text
    assert "max-width: 44rem" in text


def test_every_row_is_on_the_page(run: Path, text: str) -> None:
    """Each table is there with all its rows and headings."""
    page, report = Page(text), read(run)
    tables = [t for t in (report.claims, report.conditions, report.together, report.failures,
                          report.timings, report.faults) if t.rows]  # fmt: skip
    assert page.texts["h2"] == [*(table.title for table in tables), "The run"]
    assert len(page.texts["td"]) == sum(len(t.rows) * len(t.headings) for t in tables)
    assert page.texts["td"] == [cell for t in tables for row in t.rows for cell in row]


def test_stories_come_first(stories: Path) -> None:
    """Every scenario is on the page before the first table, and the page stays one file."""
    text = registry.find("reports", "html")().render(stories)
    titles = Page(text).texts["h2"]
    told = read(stories).scenarios
    assert titles[: len(told)] == [f"{one.title} cycle {one.cycle}" for one in told]
    assert not re.search(r"(?:https?:)?//\w|@import|url\(|<link|\bsrc=|\bhref=", text)


def test_verdicts_have_their_colours(text: str) -> None:
    """A badge's colour is its verdict's."""
    badges = re.findall(r'class="badge ([\w-]+)">([^<]+)<', text)
    assert {kind for kind, _ in badges} >= {"supported", "refuted", "set-point", "not-measured"}
    assert all(kind == verdict.replace(" ", "-") for kind, verdict in badges)
