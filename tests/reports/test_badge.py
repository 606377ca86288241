"""The badge: a picture that says claim and verdict, to eyes and to screen readers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from harness import registry
from harness.experiment.run import verdicts
from harness.reports.badge import as_people_write
from tests import forked
from tests.reports.measured import HOSTILE
from tests.stored_runs import cycles, make_run

SVG = "{http://www.w3.org/2000/svg}"


def drawn(folder: Path) -> ET.Element:
    """Draw the badge of a run; it is well-formed XML, or this raises."""
    text = registry.find("reports", "badge")().render(folder)
    return ET.fromstring(text)  # noqa: S314 - our own


def said(badge: ET.Element) -> list[str]:
    """The two texts that are seen."""
    return [str(one.text) for one in badge.iter(f"{SVG}text")]


def stored(folder: Path, *claims: str, **run: Any) -> Path:
    """Store 400 cycles, of which 8 failed, with these claims of their condition."""
    outcomes = ["dirty_known" if number % 50 == 25 else "cleaned" for number in range(400)]
    make_run(folder, cycles(outcomes), conditions=[{"name": "one", "claims": list(claims)}], **run)
    return folder


@pytest.mark.parametrize(
    ("claims", "label", "message"),
    [
        (["reliability >= 0.9"], "reliability ≥ 90%", "supported"),
        (["reliability >= 0.999"], "reliability ≥ 99.9%", "refuted"),
        (["reliability >= 0.98"], "reliability ≥ 98%", "undecided"),
        (["reliability >= 0.9", "data_safety >= 0.9"], "2 claims", "supported"),
        (["reliability >= 0.9", "reliability >= 0.999"], "2 claims", "refuted: 1 of 2"),
        ([], "reliability", "nothing claimed"),
    ],
)
def test_it_says_the_claim_and_what_became_of_it(
    folder: Path, claims: list[str], label: str, message: str
) -> None:
    """One claim in words, several by number; the verdict is that of `harness check`."""
    run = stored(folder / "run", *claims)
    badge = drawn(run)
    assert said(badge) == [label, message]
    if claims:
        status = {"supported": 0, "refuted": 1, "undecided": 3}[message.partition(":")[0]]
        assert verdicts.exit_code(verdicts.check(run)) == status


def test_a_harness_error_is_no_verdict(folder: Path) -> None:
    """Whatever is claimed: a run that is in doubt supports nothing, and its badge is grey."""
    conditions = [{"name": "one", "claims": ["reliability >= 0.9"]}]
    make_run(folder, cycles(["cleaned"] * 400 + ["harness_error"]), conditions=conditions)
    badge = drawn(folder)
    assert said(badge)[1] == "harness error"
    assert "#556070" in {one.get("fill") for one in badge.iter(f"{SVG}rect")}


def test_it_is_told_to_who_cannot_see_it(folder: Path) -> None:
    """An image with a title that names the experiment, each condition, claim and verdict."""
    badge = drawn(stored(folder / "run", "reliability >= 0.9", "reliability >= 0.999"))
    title = badge.find(f"{SVG}title")
    assert badge.get("role") == "img"
    assert title is not None
    assert badge.get("aria-labelledby") == title.get("id")
    assert str(title.text).splitlines()[1:] == [
        "one: reliability ≥ 90%: supported",
        "one: reliability ≥ 99.9%: refuted",
    ]


def test_it_needs_nothing_from_elsewhere(folder: Path) -> None:
    """No link, font, picture or script: a page that shows it asks nobody for anything."""
    text = registry.find("reports", "badge")().render(stored(folder / "run", "reliability >= 0.9"))
    assert re.findall(r"https?://[^\"']+", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<(script|image|foreignObject|style|a)\b|@import|url\((?!#)", text)


def test_the_text_fits(folder: Path) -> None:
    """Each text is as wide as its part but for the same room at both sides."""
    badge = drawn(stored(folder / "run", "reliability >= 0.999"))
    parts = [one for one in badge.iter(f"{SVG}rect") if one.get("fill")]
    for part, text in zip(parts, badge.iter(f"{SVG}text"), strict=True):
        left = float(text.get("x", 0)) - float(part.get("x", 0))
        room = float(part.get("width", 0)) - float(text.get("textLength", 0))
        assert room == 2 * left > 0


def test_hostile_names_stay_text(folder: Path) -> None:
    """A name with markup, control characters and line ends is shown, and is nothing else."""
    conditions = [{"name": HOSTILE.split("\x00", maxsplit=1)[0], "claims": ["reliability >= 0.9"]}]
    records = cycles(["cleaned"] * 90, condition=conditions[0]["name"])
    make_run(folder, records, conditions=conditions)
    badge = drawn(folder)
    assert {one.tag.removeprefix(SVG) for one in badge.iter()} == {
        "svg", "title", "clipPath", "rect", "g", "text",
    }  # fmt: skip


def test_its_page_gives_a_command_that_draws_it(folder: Path) -> None:
    """The first command of docs/badge.md, run as written, makes the file that its line shows."""
    page = (Path(__file__).parents[2] / "docs" / "badge.md").read_text(encoding="utf-8")
    command = re.search(r"^harness (report (results/\S+) .*--output (\S+))$", page, re.MULTILINE)
    assert command is not None
    assert f"]({command[3]})" in page
    stored(folder / command[2], "reliability >= 0.9")
    assert forked.run(command[1].split(), cwd=folder).returncode == 0
    assert said(ET.parse(folder / command[3]).getroot())[1] == "supported"  # noqa: S314 - our own


def test_claims_are_written_as_people_do() -> None:
    """A share becomes a percentage, to the digit; what else there is keeps its words."""
    assert as_people_write("reliability >= 0.9999") == "reliability ≥ 99.99%"
    assert as_people_write("data_safety >= 1") == "data_safety ≥ 100%"
    assert as_people_write("p95 of restore_ms <= 1000") == "p95 of restore_ms ≤ 1000"
    assert as_people_write("reliability in [0.9, 0.95]") == "reliability in [0.9, 0.95]"
