"""Every condition with its figures and what failed in it, each folded until somebody asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from harness.analysis.failures import Alike
from harness.reports.html_parts.anchors import Anchors
from harness.reports.html_parts.markup import badge, clean, fold
from harness.reports.words.failures import cause, replay, what_differed
from harness.reports.words.outcomes import CALLED, GOOD, counts
from harness.reports.words.shares import share
from harness.reports.words.statements import statements
from harness.reports.words.strength import cycles_of

TITLE = "Conditions, and what failed in each"
ABOUT = (
    "Cycles that failed alike stand together: what raised an error first, then what differed from "
    "the baseline, then the command that makes the first of them again."
)
ALIKE_MOST = 6  # kinds of failures shown without a click
SWEPT_FEWEST = 4  # conditions of one sweep that are put behind one line
LONG = 24  # conditions from which on any two are


class Told:
    """What the conditions of one run are told from."""

    def __init__(
        self, summary: Mapping[str, Any], failed: Mapping[str, Sequence[Alike]], folder: Path
    ) -> None:
        self.summary, self.failed, self.folder = summary, failed, folder


def conditions(told: Told, known: Anchors) -> str:
    """Return all conditions in the experiment's order, those of a long sweep behind one line."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for condition in told.summary["conditions"]:
        of = (condition.get("sweep") or {}).get("of")
        groups.setdefault(f"of {of}" if of else f"is {condition['name']}", []).append(condition)
    fewest = 2 if len(told.summary["conditions"]) > LONG else SWEPT_FEWEST
    return "\n".join(
        _sweep(name.removeprefix("of "), own, told, known)
        if len(own) >= fewest and name.startswith("of ")
        else "\n".join(_condition(one, told, known) for one in own)
        for name, own in groups.items()
    )


def _sweep(name: str, own: Sequence[Mapping[str, Any]], told: Told, known: Anchors) -> str:
    inner = "\n".join(_condition(one, told, known) for one in own)
    ended = {end: sum(one["outcomes"].get(end, 0) for one in own) for end in CALLED}
    failed = counts({"outcomes": ended}, failed=True) or "no failure"
    head = (
        f'<span class="name">{clean(name)}</span> '
        f"<small>{len(own):,} conditions; {clean(failed)}</small>"
    )
    return f'<details class="sweep"><summary>{head}</summary>\n{inner}\n</details>'


def _condition(condition: Mapping[str, Any], told: Told, known: Anchors) -> str:
    name = condition["name"]
    failed = counts(condition, failed=True) or ("no failure" if condition["cycles"] else "not run")
    policy = condition.get("policy") or ""
    said = failed if policy in name else f"{policy}; {failed}"  # many a name has it already
    verdict = badge(condition["verdict"]) if condition.get("verdict") else ""
    head = f'<span class="name">{clean(name)}</span> {verdict} <small>{clean(said)}</small>'
    return (
        f'<details class="condition" data-find><summary>{head}</summary>\n'
        f'<div id="{known[name]}">{_figures(condition)}{_claims(condition, told)}'
        f"{_failures(condition, told)}</div></details>"
    )


def _figures(condition: Mapping[str, Any]) -> str:
    clean_ = condition["clean"]
    said = [f"{cycles_of(condition['cycles'])}: {counts(condition) or 'none ended'}"]
    if clean_["demands"] == "rows" and condition["cycles"]:
        said.append(f"sequences too were back in {clean_['exact']:,}")
    shares = (
        ("reliability", condition["reliability"]),
        ("clean end", condition.get("clean_end") or {}),
        ("data safety", condition["data_safety"]),
    )
    listed = "".join(
        f"<dt>{what}</dt><dd>{clean(share(one))}</dd>"
        for what, one in shares
        if one.get("estimate") is not None
    )
    return f"<p>{clean('; '.join(said))}.</p><dl>{listed}</dl>"


def _claims(condition: Mapping[str, Any], told: Told) -> str:
    stated = statements(condition, told.summary)
    listed = "".join(
        f"<li>{clean(one.claim)} {badge(one.verdict)} "
        f"{clean('; '.join(filter(None, (one.measured, one.why, one.ahead))))}</li>"
        for one in stated
    )
    return f'<ul class="findings">{listed}</ul>' if listed else ""


def _failures(condition: Mapping[str, Any], told: Told) -> str:
    alike = told.failed.get(condition["name"]) or ()
    if not alike:
        lost = sum(n for end, n in condition["outcomes"].items() if end not in GOOD)
        return "<p>Which cycles these were is not kept with this run.</p>" if lost else ""
    listed = [_alike(one, condition["name"], told.folder) for one in alike]
    first, rest = listed[:ALIKE_MOST], listed[ALIKE_MOST:]
    shown = f'<ol class="alike">{"".join(first)}</ol>'
    if rest:
        inner = f'<ol class="alike" start="{ALIKE_MOST + 1}">{"".join(rest)}</ol>'
        shown += fold(f"{len(rest):,} more kinds of failures", inner)
    return shown


def _alike(one: Alike, condition: str, folder: Path) -> str:
    differed = what_differed(one)
    ended = f"{cycles_of(one.cycles)}: {CALLED[one.outcome]}"
    counted = f"{ended}; differed: {differed}" if differed else ended
    command = replay(quote(str(folder)), condition, one.first)
    said = "".join(f"<li>{clean(part)}</li>" for part in one.example)
    example = fold(f"All that cycle {one.first:,} says", f"<ul>{said}</ul>") if said else ""
    return (
        f"<li><strong>{clean(cause(one))}</strong><br>{clean(counted)}"
        f"<br><code>{clean(command)}</code>{example}</li>"
    )
