"""For the test tab of GitLab, Jenkins and others: a suite a condition, a case a claim.

Supported is a passed test, and so is a claim of 100% that is not refuted. Refuted is a failure, and
so is undecided, by a type of its own: a build must not be green because too little was measured,
and so is a claim that nothing measured. Harness errors are errors. A set point, a control and a row
that claims nothing are skipped: they are no test. Each condition also has the case `the measurement
itself`, so that one without claims is there, and one that went wrong is red.

The structure is that of Jenkins' junit-10.xsd, which GitLab and the usual viewers read as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from harness.analysis.summary import load
from harness.printable import printable, printable_lines
from harness.reports import Report
from harness.reports.words.statements import Statement, soundness, statements, unmeasured

_ELEMENTS = {"failed": "failure", "error": "error", "skipped": "skipped", "passed": ""}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JunitReport(Report):
    """Claims as tests."""

    name = "junit"
    contract = (
        "JUnit XML: supported passes; refuted and undecided fail; what claims nothing is skipped."
    )

    def render(self, folder: Path) -> str:
        """Return the XML about ``folder``; UsageError where there is no run."""
        summary, run = load(folder)
        suites = []
        for condition in summary["conditions"]:
            name = condition["name"]
            stated = [soundness(condition), *statements(condition, summary)]
            wall_s = (run.get("wall_s_by_condition") or {}).get(name)
            suites.append(_suite(name, stated, _properties(run, condition), wall_s))
        if rest := unmeasured(summary):
            suites.append(_suite("not measured here", rest, _properties(run, {}), None))
        counts = {
            key: str(sum(int(suite.get(key, "0")) for suite in suites))
            for key in ("tests", "failures", "errors")
        }
        root = ET.Element("testsuites", {"name": _named(summary["experiment"]), **counts})
        root.extend(suites)
        ET.indent(root)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, "unicode")}\n'


def _suite(
    name: str, stated: Sequence[Statement], properties: Mapping[str, str], wall_s: float | None
) -> ET.Element:
    """Return the suite of one condition; its time is that of all its cycles."""
    kinds = [_kind(statement) for statement in stated]
    suite = ET.Element(
        "testsuite",
        {
            "name": _named(name),
            "tests": str(len(stated)),
            "failures": str(kinds.count("failure")),
            "errors": str(kinds.count("error")),
            "skipped": str(kinds.count("skipped")),
            "time": f"{wall_s or 0:.3f}",
        },
    )
    held = ET.SubElement(suite, "properties")
    for key, value in properties.items():
        ET.SubElement(held, "property", {"name": _held(key), "value": _held(value)})
    suite.extend(_case(statement, name) for statement in stated)
    return suite


def _case(stated: Statement, suite: str) -> ET.Element:
    attributes = {"name": _named(stated.claim), "classname": _named(suite), "time": "0"}
    case = ET.Element("testcase", attributes)
    kind = _kind(stated)
    if kind:
        told = {"type": stated.verdict, "message": _held(stated.said())}
        ET.SubElement(case, kind, told).text = _held(_lines(stated))
    else:
        ET.SubElement(case, "system-out").text = _held(_lines(stated))
    return case


def _kind(stated: Statement) -> str:
    """Return the element that tells a verdict; "" for a test that passed."""
    return _ELEMENTS[stated.told]


def _lines(stated: Statement) -> str:
    """Return what a viewer shows below the case, a fact a line."""
    lines = {
        "claim": stated.claim,
        "verdict": stated.verdict,
        "measured": stated.measured,
        "why": stated.why,
        "ahead": stated.ahead,
    }
    return "\n".join(f"{key}: {value}" for key, value in lines.items() if value)


def _properties(run: Mapping[str, Any], condition: Mapping[str, Any]) -> dict[str, str]:
    """Return what ran and on what; what is not known is left out."""
    machine = run.get("machine")
    properties: dict[str, Any] = {
        "policy": condition.get("policy"),
        "cycles": condition.get("cycles"),
        "seed": run.get("seed"),
        "revision": run.get("revision"),
        "started": run.get("started"),
    }
    if isinstance(machine, Mapping):
        properties |= {f"machine.{key}": value for key, value in machine.items()}
    elif machine:
        properties["machine"] = machine
    return {key: str(value) for key, value in properties.items() if value not in (None, "")}


def _held(text: str) -> str:
    """Return ``text`` as XML can hold it, and as a viewer or a log may show it."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", printable_lines(text))


def _named(text: str) -> str:
    """Return a name: one line, whatever it holds."""
    return _held(printable(text))
