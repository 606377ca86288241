from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import registry
from harness.printable import printable, printable_lines
from harness.reports.junit import _held
from tests.reports.measured import HOSTILE, measured
from tests.stored_runs import cycles, make_run, row

# What Jenkins' junit-10.xsd allows of the elements written here: attributes, then children.
SCHEMA = {
    "testsuites": ({"name", "time", "tests", "failures", "disabled", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "time", "disabled", "skipped", "timestamp",
         "hostname", "id", "package"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "testcase": (
        {"name", "assertions", "time", "classname", "status"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "skipped": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "failure": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}  # fmt: skip
REQUIRED = {"testsuite": {"name", "tests"}, "testcase": {"name"}, "property": {"name"}}


def problems(element: ET.Element) -> list[str]:
    """Say what of an element and its children the schema forbids, and which counts are wrong."""
    attributes, children = SCHEMA[element.tag]
    found = [f"{element.tag}: {name}" for name in set(element.keys()) - attributes]
    found += [f"{element.tag} has {c.tag}" for c in element if c.tag not in children]
    found += [
        f"{element.tag} lacks {k}" for k in REQUIRED.get(element.tag, set()) - {*element.keys()}
    ]
    if element.tag == "testsuite":
        counted = {"tests": "testcase", "failures": "testcase/failure",
                   "errors": "testcase/error", "skipped": "testcase/skipped"}  # fmt: skip
        found += [
            k for k, tag in counted.items() if int(element.get(k, -1)) != len(element.findall(tag))
        ]
    return found + [problem for child in element for problem in problems(child)]


def rendered(folder: Path) -> ET.Element:
    """Render and parse."""
    text = registry.find("reports", "junit")().render(folder)
    return ET.fromstring(text)  # noqa: S314 - written right here


def kinds(root: ET.Element) -> dict[str, str]:
    """Give for each case what it says: the element's name and type, or "passed"."""
    said = {}
    for case in root.iter("testcase"):
        told = [f"{e.tag} {e.get('type')}" for e in case if e.tag != "system-out"]
        said[f"{case.get('classname')}: {case.get('name')}"] = told[0] if told else "passed"
    return said


def test_each_verdict_is_told_as_ci_expects(run: Path) -> None:
    """Only what is supported passes; undecided fails by a type of its own; nothing is lost."""
    said = kinds(rendered(measured(run)))
    assert said["good: reliability >= 0.99"] == "passed"
    assert said["good: data_safety >= 0.99"] == "failure refuted"
    assert said["good: reliability >= 0.999"] == "failure undecided"
    assert said["good: solved (so much)"] == "skipped set point"
    assert said["good: the measurement itself"] == "passed"
    assert said["never run: the measurement itself"] == "error harness error"
    assert said["never run: absent (so much)"] == "failure not measured"


def test_it_keeps_to_the_schema_and_its_counts(run: Path) -> None:
    """Elements, attributes and counts are those of junit-10.xsd, and a planted defect is seen."""
    root = rendered(measured(run))
    assert problems(root) == []
    suites = root.findall("testsuite")
    for key in ("tests", "failures", "errors"):
        assert int(root.get(key, "-1")) == sum(int(suite.get(key, "0")) for suite in suites)
    root[0].set("failures", "99")
    root[0].set("verdict", "supported")
    assert sorted(problems(root)) == ["failures", "testsuite: verdict"]


def test_hostile_text_is_text(run: Path) -> None:
    """Names with markup and quotes come back as they were, control characters written out."""
    names = [case.get("name") or "" for case in rendered(measured(run)).iter("testcase")]
    assert printable(HOSTILE) in names
    assert any("<script>alert('a')" in name for name in names)


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_can_be_held(text: str) -> None:
    """Whatever a name is, what is written parses and differs only where XML has no character."""
    element = ET.Element("a", {"b": _held(text)})
    again = ET.fromstring(ET.tostring(element)).get("b") or ""  # noqa: S314 - our own
    shown = printable_lines(text)
    assert len(again) == len(shown)
    assert all(x == y or y == "\ufffd" for x, y in zip(shown, again, strict=True))


def test_where_and_how_it_ran_is_kept(run: Path) -> None:
    """Seed, machine and policy are properties of each suite."""
    suite = rendered(run)[0]
    held = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert held["seed"] == "7"
    assert held["machine.cpu"] == "A & B <C>"
    assert held["policy"] == "hybrid_verified"


@pytest.mark.parametrize("outcome", ["cleaned", "harness_error"])
def test_a_harness_error_is_an_error(folder: Path, outcome: str) -> None:
    """One cycle that went wrong by itself makes its suite red, and only it does."""
    made = make_run(folder / "run", cycles(["cleaned"] * 40 + [outcome]), rows=[row(at_least=0.5)])
    root = rendered(made.folder)
    assert root.get("errors") == str(int(outcome == "harness_error"))


def test_a_row_of_no_condition_has_a_suite(folder: Path) -> None:
    """A row that nothing measures is skipped in a suite of its own."""
    made = make_run(folder / "run", cycles(["cleaned"]), rows=[row(condition="")])
    assert kinds(rendered(made.folder))["not measured here: a claim (so much)"].startswith(
        "skipped"
    )
