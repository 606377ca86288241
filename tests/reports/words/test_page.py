from pathlib import Path

import pytest

from harness.reports.words.page import page
from tests.reports.stories import FAILED, STORIES, scenarios
from tests.reports.test_html import Page


@pytest.mark.parametrize("name", list(STORIES))
def test_every_line_is_there(stories: Path, name: str) -> None:
    """Every step with its words, and how it ended, are on the page; only clean ends are green."""
    told = scenarios(stories)[name]
    read = Page(page(told))
    for line, item in zip(told.lines, read.texts["li"], strict=True):
        assert line.step in item
        assert line.said in item
    assert told.end in read.texts["span"]
    section = next(attributes for tag, attributes in read.tags if tag == "section")
    assert str(section["class"]).endswith("clean" if told.clean else "dirty")


def test_failed_entities_have_reason_and_attempts(stories: Path) -> None:
    """Each failed entity has its line, its error at hand, and its table a bar of its share."""
    text = page(scenarios(stories)["as in the summary"])
    read = Page(text)
    for table, number, reason, attempts in FAILED:
        words = f"{table} {number}: {reason} after {attempts} attempt{'' if attempts == 1 else 's'}"
        assert words in read.texts["span"]
        assert f'title="Error: &lt;{reason}&gt;"' in text
    for share in ("67%", "60%", "50%", "100%"):
        assert f'style="width:{share}"' in text
