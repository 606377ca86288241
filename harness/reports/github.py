"""For GitHub Actions: an annotation a claim, written as workflow commands on standard output.

GitHub shows ten annotations of each level a step and drops the rest without a word, so the tenth
says how many there are. Within a message ``%``, CR and LF are escaped, within a title ``:`` and
``,`` as well (docs.github.com: "Workflow commands for GitHub Actions").
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.analysis.summary import load
from harness.printable import printable, printable_lines
from harness.reports import Report
from harness.reports.words.statements import ERROR, Statement, soundness, statements, unmeasured

MOST = 10  # annotations of one level that GitHub shows of a step
MESSAGE_MOST = 4000  # characters; GitHub cuts longer ones itself, within an escape too
_LEVELS = {"error": "error", "passed": "notice"}  # of what a build is told; failed: by its verdict
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


class GithubReport(Report):
    """Claims as annotations."""

    name = "github"
    contract = "Workflow commands for GitHub Actions: an annotation a claim, ten of a level."

    def render(self, folder: Path) -> str:
        """Return a line an annotation; UsageError where there is no run."""
        summary = load(folder).summary
        by_level: dict[str, list[Statement]] = {"error": [], "warning": [], "notice": []}
        for condition in summary["conditions"]:
            sound = soundness(condition)
            if sound.verdict == ERROR:
                by_level["error"].append(sound)
            for stated in statements(condition, summary):
                if level := _level_of(stated):
                    by_level[level].append(stated)
        left_out = len(unmeasured(summary))
        lines = [line for level, stated in by_level.items() for line in _lines(level, stated)]
        if not lines:
            lines = ["::notice title=harness::nothing is claimed in this run"]
        if left_out:
            lines.append(f"{left_out:,} row{'' if left_out == 1 else 's'} not measured here")
        return "\n".join(lines) + "\n"


def command(level: str, title: str, message: str) -> str:
    """Return one workflow command, a line whatever title and message hold."""
    text = message if len(message) <= MESSAGE_MOST else f"{message[:MESSAGE_MOST]}..."
    named, said = printable(title), printable_lines(text)
    return f"::{level} title={named.translate(_PROPERTY)}::{said.translate(_DATA)}"


def _level_of(stated: Statement) -> str:
    """Return the level at which a verdict is annotated; "" where it is no test."""
    if stated.told == "failed":
        return "error" if stated.verdict == "refuted" else "warning"
    return _LEVELS.get(stated.told, "")


def _lines(level: str, stated: Sequence[Statement]) -> list[str]:
    """Return the annotations of one level, and where they are too many, how many more."""
    shown = stated if len(stated) <= MOST else stated[: MOST - 1]
    lines = [
        command(level, f"{statement.verdict}: {statement.claim}", _message(statement))
        for statement in shown
    ]
    if more := len(stated) - len(shown):
        words = f"{more:,} more like these; the report of the run lists them all"
        lines.append(command(level, f"and {more:,} more", words))
    return lines


def _message(stated: Statement) -> str:
    return f"{stated.condition}: {stated.said()}"
