"""How a run ended, on one screen: what `harness run` prints last.

Nothing is cut in silence: what has no room is counted, and the long form has it all.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.analysis.summary import load
from harness.outcomes import STATUS
from harness.printable import printable
from harness.reports import Report
from harness.reports.console_parts.verdicts import (
    Said,
    chosen,
    claimed,
    conditions,
    headline,
    not_shown,
    stories,
)
from harness.reports.console_parts.what_next import next_command
from harness.results.folder import REPORT
from harness.terminal import (
    Fitted,
    columns,
    command,
    in_colour,
    labelled,
    padded,
    room,
    styled,
    wrapped,
)

MOST = 23  # lines: of the usual 24 the prompt takes one
STYLES = {
    "harness error": "bold red",
    "refuted": "bold red",
    "undecided": "yellow",
    "not measured": "yellow",
    "not refuted": "green",
    "supported": "bold green",
}
_MEANS = {
    "harness error": "harness error: the measurement itself is in doubt",
    "refuted": "a claim is refuted",
    "undecided": "undecided: too few cycles were run to say",
    "not refuted": "no claim is refuted",
    "supported": "every claim is supported",
    None: "nothing is claimed, so nothing is refuted",
}
_FINE = "supported"  # what a run without a claim is to a script
_QUESTION = 2  # lines of it
_MEASURED = 26  # columns of figures with their interval
_GAP = "  "


class BriefReport(Report):
    """Verdicts, the page, the exit status and the next command, in at most ``MOST`` lines.

    Args:
        width: columns of a line; the terminal's.
        colour: whether there is any; on a terminal.
        resume: the command that goes on with this run, option by option, where that is known.
    """

    name = "brief"
    contract = "How a run ended, on one screen: verdicts, the exit status, what to do next."

    def __init__(
        self,
        width: int | None = None,
        colour: bool | None = None,
        resume: Sequence[tuple[str, ...]] = (),
    ) -> None:
        self._width = width or columns()
        self._colour = in_colour(sys.stdout) if colour is None else colour
        self._resume = tuple(resume)

    def render(self, folder: Path) -> str:
        """Return the end of the run in ``folder``; UsageError where there is no run."""
        stored = load(folder)
        summary = stored.summary
        said = claimed(summary)
        head = [*self._title(summary, stored.run), "", *self._wrapped(headline(summary, said))]
        foot = self._foot(Path(folder), summary)
        if not said:
            head += [line for story in stories(summary) for line in self._wrapped(_GAP + story)]
        body = self._body(said or conditions(summary), MOST - len(head) - len(foot) - 1)
        text = "\n".join([*head, *body, "", *foot]) + "\n"
        encoding = sys.stdout.encoding or "ascii"
        return text.encode(encoding, "replace").decode(encoding)

    def _title(self, summary: dict[str, Any], run: dict[str, Any]) -> list[str]:
        cycles = sum(condition["cycles"] for condition in summary["conditions"])
        number = len(summary["conditions"])
        facts = [
            f"{cycles:,} cycle{'' if cycles == 1 else 's'} in "
            f"{number:,} condition{'' if number == 1 else 's'}",
            f"seed {run.get('seed')}",
            *([f"{run['wall_s']:,.0f} s"] if run.get("wall_s") else []),
        ]
        name = self._styled(printable(summary["experiment"]), "bold")
        question = wrapped(
            printable((run.get("experiment") or {}).get("question") or ""), self._width - 4
        )
        if len(question) > _QUESTION:
            question = [*question[: _QUESTION - 1], f"{question[_QUESTION - 1]} ..."]
        return [*self._wrapped(f"{name}: {', '.join(facts)}"), *filter(None, question)]

    def _body(self, said: Sequence[Said], most: int) -> list[str]:
        """Return rows in at most so many lines, and in the last of them what has no room."""
        rows = self._rows(said)
        if len(rows) > most:
            shown = chosen(said, lambda some: len(self._all(some, said)) <= most)
            rows = self._all(shown, said)
        return rows

    def _all(self, shown: Sequence[Said], said: Sequence[Said]) -> list[str]:
        left = list(said)
        for one in shown:
            left.remove(one)
        last = wrapped(f"{_GAP}not shown: {not_shown(left)}", self._width, _GAP * 2)
        return [*self._rows(shown), *last]

    def _rows(self, said: Sequence[Said]) -> list[str]:
        """Return a row of verdict, figures, and of what; that below them where it has no room."""
        words = max((room(one.word) for one in said), default=0)
        figures = min(_MEASURED, max((room(one.measured) for one in said), default=0))
        before = sum(width + len(_GAP) for width in (words, figures) if width)
        rest = self._width - len(_GAP) - before
        beside = all(room(word) <= rest for one in said for word in one.text.split())
        lines = []
        for one in said:
            word = self._styled(padded(one.word, words), STYLES.get(one.word, ""))
            cells = [[word] if words else [], wrapped(one.measured, figures) if figures else []]
            text = wrapped(one.text, rest) if beside else []
            for number in range(max(map(len, (*cells, text)))):
                parts = [
                    padded(cell[number] if number < len(cell) else "", width)
                    for cell, width in zip(cells, (words, figures), strict=True)
                    if width
                ]
                parts += text[number : number + 1]
                lines.append(f"{_GAP}{_GAP.join(parts)}".rstrip())
            lines += [] if beside else wrapped(_GAP * 2 + one.text, self._width, _GAP * 2)
        return lines

    def _foot(self, folder: Path, summary: dict[str, Any]) -> list[str]:
        """Say where the page is, what the exit status means, and what to do next."""
        verdict = summary["verdict"]
        claims = [c for one in summary["conditions"] for c in one.get("claims") or ()]
        means = f"{STATUS[verdict or _FINE]}: {_means(verdict, claims)}"
        style = STYLES[verdict] if verdict else ""
        page = str(folder / REPORT) if (folder / REPORT).exists() else ""
        more = next_command(summary, verdict, folder, self._resume)
        parts: dict[str, Fitted] = {
            "page": lambda width: [page] if page else [],
            "exit status": lambda width: [
                self._styled(one, style) for one in wrapped(means, width)
            ],
            "next": lambda width: command(more, width) if more else [],
            "all of it": lambda width: command(["harness", "report", folder], width),
        }
        return labelled(parts, self._width, "dim" if self._colour else "")

    def _styled(self, text: str, style: str) -> str:
        return styled(text, style) if self._colour else text

    def _wrapped(self, text: str) -> list[str]:
        return wrapped(text, self._width, _GAP)


def _means(verdict: str | None, claims: Sequence[Mapping[str, Any]]) -> str:
    all_of_100 = verdict == "supported" and any(one["verdict"] != verdict for one in claims)
    return f"{_MEANS[verdict]}{', or of 100% not refuted' if all_of_100 else ''}"


__all__ = ["BriefReport"]
