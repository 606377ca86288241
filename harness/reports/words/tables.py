"""What every report says: the same facts and tables, as text, for any format to dress up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.analysis.failures import Alike
from harness.analysis.failures import failures as failed_alike
from harness.analysis.summary import load
from harness.reports.words import (
    budget,
    decided,
    failures,
    joint_failures,
    outcomes,
    silent_cleanups,
)
from harness.reports.words.scenario import Scenario, scenario
from harness.reports.words.shares import brackets, share
from harness.results import again, shards
from harness.results.reading import TIMINGS
from harness.statistics.digits import milliseconds, number, percent, sure

CPU = "CPU p50"
WALL = "Wall-clock time, which holds what other programs did meanwhile."
ABOUT_TIMINGS = f"{WALL} {CPU}: what the processor computed of it."


@dataclass(frozen=True, slots=True)
class Table:
    """A title, a line of headings, and rows of text, all of the same length."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    about: str = ""  # one sentence under the title
    figures: frozenset[str] = field(default_factory=frozenset)  # headings whose cells are numbers

    def without(self, heading: str) -> Table:
        """Return the same table with one column less."""
        at = self.headings.index(heading)
        rows = [row[:at] + row[at + 1 :] for row in self.rows]
        headings = self.headings[:at] + self.headings[at + 1 :]
        return Table(self.title, headings, rows, self.about, self.figures)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a report says of one run."""

    title: str
    facts: list[tuple[str, str]]  # what ran, where and on what
    scenarios: list[Scenario]
    claims: Table
    conditions: Table
    silent_cleanups: Table  # empty but for projects of somebody's own
    together: Table
    timings: Table
    faults: Table
    failures: Table  # its last column is the command that replays the cycle
    alike: Mapping[str, Sequence[Alike]]  # what it is made from, by condition
    decided: list[Table] = field(default_factory=list)  # claims together, dependence, curves


def read(folder: Path) -> Report:
    """Read the run in ``folder``; UsageError where there is no run."""
    stored = load(folder)
    summary, run = stored.summary, stored.run
    conditions = summary["conditions"]
    alike = failed_alike(folder, summary)
    return Report(
        title=summary["experiment"],
        facts=_facts(summary, run),
        scenarios=[scenario(story) for story in summary.get("stories", ())],
        claims=claims(summary),
        conditions=_conditions(conditions),
        silent_cleanups=_silent_cleanups(conditions),
        together=_together(conditions),
        timings=_timings(conditions),
        faults=_faults(conditions),
        failures=_failures(alike, folder),
        alike=alike,
        decided=[Table(*table) for table in decided.shown(summary)],
    )


def claims(summary: Mapping[str, Any]) -> Table:
    """Return the table claimed / measured [interval] / verdict / why."""
    return Table(
        "Claims",
        ("claim", "claimed", "measured", "verdict", "why"),
        [
            (*(row[key] for key in ("claim", "claimed", "measured", "verdict")), reason(row))
            for row in summary["rows"]
        ],
        " ".join([*_brackets(summary["rows"]), *explained(summary["rows"])]),
    )


def _brackets(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what is in brackets; an older run does not say by what method."""
    return brackets(row.get("interval_method") for row in rows) or ["In brackets the interval."]


_EXPLAINED = {
    "set point": "A set point was solved for: it supports nothing.",
    "control": "A control shows that the instrument sees what it must: it claims nothing.",
    "not refuted": "Nothing can prove 100%; one failure refutes it. What is shown "
    "at least is at the confidence beside it, each row by itself.",
}


def explained(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what the verdicts in these rows mean, and at what confidence each was given."""
    verdicts = {row["verdict"] for row in rows}
    explanations = [said for word, said in _EXPLAINED.items() if word in verdicts]
    each = sorted({float(row["confidence"]) for row in rows if row.get("confidence") is not None})
    if not each:
        return explanations
    at = sure(each[0]) if len(each) == 1 else f"{sure(each[0])} to {sure(each[-1])}, as it says"
    return [*explanations, f"Each verdict is given at {at}, so that all hold together."]


def reason(stated: Mapping[str, Any]) -> str:
    """Return why a claim or row has its verdict, and what it would take."""
    return "; ".join(filter(None, (stated["why"], stated.get("next"))))


def _conditions(conditions: list[dict[str, Any]]) -> Table:
    headings = ("condition", "policy", "cycles", "outcomes", "reliability", "clean end",
                "data safety", "claimed", "verdict", "cycles/s")  # fmt: skip
    return Table(
        "Conditions",
        headings,
        [
            (
                condition["name"],
                condition["policy"] or "-",
                f"{condition['cycles']:,}",
                _outcomes(condition),
                share(condition["reliability"]),
                share(condition["clean_end"])
                if "clean_end" in condition
                else "-",  # an older run's
                share(condition["data_safety"]),
                condition["claimed"] or "-",
                _verdict(condition),
                _speed(condition["cycles_per_second"]),
            )
            for condition in conditions
        ],
        " ".join(
            brackets(
                condition["reliability"].get("method")
                for condition in conditions
                if condition["reliability"].get("lower") is not None
            )
        ),
        frozenset({"cycles", "cycles/s"}),
    )


def _speed(cycles_per_second: float | None) -> str:
    """A slow one is not none: below ten a digit more."""
    if cycles_per_second is None:
        return "-"
    return f"{cycles_per_second:,.{1 if cycles_per_second < 10 else 0}f}"


def _outcomes(condition: Mapping[str, Any]) -> str:
    said, clean = outcomes.counts(condition), condition["clean"]
    beside = f" (exact {clean['exact']:,})" if said and clean["demands"] == "rows" else ""
    return (said or "-") + beside


def _verdict(condition: Mapping[str, Any]) -> str:
    at = condition["decided_at_cycle"]
    return (condition["verdict"] or "-") + (f" at cycle {at:,}" if at else "")


def _together(conditions: list[dict[str, Any]]) -> Table:
    rows, figures = joint_failures.rows(conditions), frozenset(joint_failures.HEADINGS[1:-1])
    return Table(
        joint_failures.TITLE,
        joint_failures.HEADINGS,
        rows,
        joint_failures.about(conditions),
        figures,
    )


def _silent_cleanups(conditions: list[dict[str, Any]]) -> Table:
    figures = frozenset({"cleanup ran", "said fine"})
    return Table(
        silent_cleanups.TITLE,
        silent_cleanups.HEADINGS,
        silent_cleanups.rows(conditions),
        silent_cleanups.ABOUT,
        figures,
    )


def _timings(conditions: list[dict[str, Any]]) -> Table:
    """Return the times on the wall, and beside them the processor's where they were kept."""
    table = Table(
        "Timings",
        ("condition", "step", "p50", "p95", "p99", "max", CPU, "count"),
        [
            (
                condition["name"],
                step,
                *(milliseconds(figures[key]) for key in ("p50", "p95", "p99", "max")),
                milliseconds(cpu_p50_ms(condition, step)),
                f"{figures['count']:,}",
            )
            for condition in conditions
            for step in TIMINGS
            if (figures := condition["timings_ms"][step])["count"]
        ],
        about=ABOUT_TIMINGS,
        figures=frozenset({"p50", "p95", "p99", "max", CPU, "count"}),
    )
    return table if has_cpu(conditions) else replace(table.without(CPU), about=WALL)


def has_cpu(conditions: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the run kept the processor's time of any step."""
    return any(cpu_p50_ms(one, step) is not None for one in conditions for step in TIMINGS)


def cpu_p50_ms(condition: Mapping[str, Any], step: str) -> float | None:
    """Return the median of what the processor computed for a step; None where it was not kept."""
    p50_ms: float | None = ((condition.get("cpu_ms") or {}).get(step) or {}).get("p50")
    return p50_ms


def _faults(conditions: list[dict[str, Any]]) -> Table:
    keys = ("planned", "fired", "surfaced", "masked")
    return Table(
        "What struck",
        ("condition", "fault", *keys),
        [
            (condition["name"], kind, *(f"{counts[key]:,}" for key in keys))
            for condition in conditions
            for kind, counts in sorted(condition["faults"].items())
        ],
        "Surfaced: an attempt failed because of it. Masked: it fired and nobody noticed.",
        frozenset(keys),
    )


def _failures(alike: Mapping[str, Sequence[Alike]], folder: Path) -> Table:
    rows = failures.rows(alike, folder)
    return Table(failures.TITLE, failures.HEADINGS, rows, failures.ABOUT)


def _facts(summary: Mapping[str, Any], run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what ran, where and on what; what run.json does not say is left out."""
    experiment = run.get("experiment") or {}
    cycles = sum(condition["cycles"] for condition in summary["conditions"])
    facts = {
        "question": experiment.get("question"),
        "cycles": f"{cycles:,} in {len(summary['conditions'])} conditions",
        "budget": budget.sentence(run),
        "seed": run.get("seed"),
        "confidence": sure(experiment["confidence"]) if experiment.get("confidence") else None,
        "rates solved for": _rates(run, experiment),
        "started": run.get("started"),
        "wall time": f"{run['wall_s']:,.1f} s" if run.get("wall_s") else None,
        "workers": run.get("workers"),
        "run again": again.sentence(run),
        "revision": run.get("revision"),
        "merged from": shards.merged_from(run),
        "machine": _flat(run.get("machine")),
        "versions": _flat(run.get("versions")),
    }
    return [(key, str(value)) for key, value in facts.items() if value not in (None, "")]


def _rates(run: Mapping[str, Any], experiment: Mapping[str, Any]) -> str:
    """Return ``simple: 95.0% at rate 0.0123`` for each calibration."""
    targets = experiment.get("calibrations") or {}
    return ", ".join(
        f"{name}: {percent(targets[name]['target'])} at rate {number(rate, 4)}"
        for name, rate in (run.get("rates") or {}).items()
        if name in targets
    )


def _flat(found: Any) -> str:
    """Return a flat text of a machine's or the versions' table."""
    if not isinstance(found, Mapping):
        return "" if found is None else str(found)
    return ", ".join(f"{key} {value}" for key, value in found.items())
