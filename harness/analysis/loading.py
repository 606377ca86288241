"""A run as tables: what ``harness.load`` gives to a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.analysis.swept import series_name
from harness.errors import UsageError
from harness.results.reading import LEDGER, OUTCOMES, TIMINGS, Results
from harness.results.stored_summary import stored_or_anew
from harness.statistics.digits import percent

if TYPE_CHECKING:
    import pandas as pd

# ruff: noqa: PLC0415 - pandas is slow to import, and whoever wants the dicts needs none

_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_CLAIM = (
    "condition", "claim", "own", "measure", "at_least", "at_most", "limit_ms", "verdict",
    "decided_at_cycle", "why", "failures", "cycles", "estimate", "lower", "upper", "confidence",
    "method", "next",
)  # fmt: skip
_ROW = (
    "claim", "claimed", "condition", "measure", "measured", "estimate", "lower", "upper",
    "verdict", "decided_at_cycle", "confidence", "why", "next",
)  # fmt: skip
_POINT = (
    "curve", "series", "key", "label", "x", "condition", "cycles", "failures", "reliability",
    "lower", "upper", "predicted", "predicted_lower", "predicted_upper",
)  # fmt: skip
# columns that hold the same kind of thing in a table without rows, or with none of it known
_COUNTS = ("cycles", "failures", "decided_at_cycle", "count", *LEDGER)
_WORDS = (
    "condition", "policy", "claimed", "verdict", "sweep", "step", "kind", "claim", "measure", "why",
    "method", "next", "measured", "curve", "series", "key", "label",
)  # fmt: skip


def load(folder: str | Path) -> Run:
    """Read a stored run: one just made, or a published one.

    Args:
        folder: of the run: run.json, and cycles.sqlite, cycles.parquet or at least summary.json.

    Returns:
        The run. Nothing is written; a summary that was made from other files, or from before
        some of its parts were known, is computed anew.

    Raises:
        UsageError: the folder holds no run, or one of another version.
        MeasurementError: a file is damaged, or the cycles are needed and cannot be read; names
            file, row and column.
    """
    folder = Path(folder).expanduser()
    summary, run = stored_or_anew(folder, _is_whole, _summarised)
    return Run(folder, summary, run)


def _summarised(folder: Path) -> dict[str, Any]:
    from harness.analysis.summary import summarise

    return summarise(Results(folder))


def _is_whole(summary: Mapping[str, Any]) -> bool:
    """Whether the summary has the parts that the tables are made from."""
    parts = ("distributions_ms", "clean_end")
    known = all(part in summary for part in ("curves", "verdict"))
    conditions = summary["conditions"]
    return known and all(part in condition for condition in conditions for part in parts)


class Run:
    """One stored run as tables (pandas) and dicts. ``harness.load`` makes it.

    Shares are from 0 to 1, timings in milliseconds (``*_ms``), sizes in bytes (``*_bytes``).
    Tables are made when they are first asked for.

    Attributes:
        folder: where it was read from.
        summary: the content of summary.json.
        run: the content of run.json: the experiment as it ran, seed, versions, machine.
    """

    def __init__(self, folder: Path, summary: dict[str, Any], run: dict[str, Any]) -> None:
        self.folder, self.summary, self.run = folder, summary, run

    @property
    def name(self) -> str:
        """The experiment's name."""
        return str(self.summary["experiment"])

    @property
    def confidence(self) -> float:
        """Of every interval, unless a column says otherwise."""
        return float(self.run["experiment"].get("confidence", 0.95))

    @cached_property
    def cycles(self) -> pd.DataFrame:
        """A row a cycle, the conditions one after another, each in order of cycle number.

        condition, outcome, restored_by, faults (JSON) and detail are categorical (condition and
        outcome with every category there is, in their order); cycle, left_behind (files), and
        backup_bytes, payload_bytes, grown_bytes int64; rows, exact, says_clean bool; cleanup_ok,
        shadow_ok nullable bool, empty where none ran; ``*_ms`` for each step float64, nan where
        it did not take place; ``*_cpu_ms`` what of it the processor computed, nan also where that
        was not kept. UsageError where the run was published without its cycles.
        """
        return Results(self.folder).table()

    @cached_property
    def conditions(self) -> pd.DataFrame:
        """A row a condition, in the experiment's order.

        condition, policy, cycles; a count for each outcome; reliability, clean_end (where refusals
        count too: they left the database as it was) and data_safety (shares) with ``*_lower`` and
        ``*_upper``; claimed, verdict, decided_at_cycle (counted from 1),
        cycles_per_second; sweep (its name), and for each key that a sweep set, a column called
        as the file writes it ("faults.*.rate").
        """
        rows = []
        for condition in self.summary["conditions"]:
            row = {
                "condition": condition["name"],
                "policy": condition["policy"],
                "cycles": condition["cycles"],
            }
            row |= {outcome: condition["outcomes"].get(outcome, 0) for outcome in OUTCOMES}
            for measure in ("reliability", "clean_end", "data_safety"):
                share = condition.get(measure) or {}  # a run from before clean_end has none
                row[measure] = share.get("estimate")
                row |= {f"{measure}_{end}": share.get(end) for end in ("lower", "upper")}
            row |= {key: condition[key] for key in ("claimed", "verdict", "decided_at_cycle")}
            row["cycles_per_second"] = condition.get("cycles_per_second")
            sweep = condition.get("sweep") or {}
            rows.append(row | {"sweep": sweep.get("of")} | dict(sweep.get("axes") or {}))
        return _table(rows, ("condition", "policy", "cycles"))

    @cached_property
    def timings(self) -> pd.DataFrame:
        """A row for each condition and step that took place.

        condition, step, count; p50_ms, p95_ms, p99_ms, each with ``*_lower_ms`` and
        ``*_upper_ms``, the exact distribution-free interval (nan where so few timings bound
        nothing, or the run was published without its cycles); max_ms.
        """
        from harness.results.columns import Columns

        results = self._results()
        rows = []
        for condition in self.summary["conditions"]:
            columns: Columns = results.columns(condition["name"]) if results else {}
            for step in TIMINGS:
                stored = condition["timings_ms"].get(step) or {}
                if stored.get("count"):
                    row = {"condition": condition["name"], "step": step, "count": stored["count"]}
                    rows.append(row | _quantiles(stored, columns.get(f"{step}_ms"), self))
        return _table(rows, ("condition", "step", "count"))

    @cached_property
    def faults(self) -> pd.DataFrame:
        """A row for each condition and kind of fault: condition, kind and four counts.

        planned, fired (with evidence), surfaced (the caller was told) and masked (fired, and
        nobody was told).
        """
        rows = [
            {"condition": condition["name"], "kind": kind} | {key: counts[key] for key in LEDGER}
            for condition in self.summary["conditions"]
            for kind, counts in condition["faults"].items()
        ]
        return _table(rows, ("condition", "kind", *LEDGER))

    @cached_property
    def claims(self) -> pd.DataFrame:
        """A row for each claim that a condition makes, or a row of the claims table of it.

        condition, claim, own (whether the condition makes it itself), measure, at_least, at_most
        (shares), limit_ms, verdict, decided_at_cycle, why,
        failures, cycles (of those that count), estimate, lower, upper, confidence (of this
        verdict), method, next (what would decide it).
        """
        rows = [
            {key: claim.get(key) for key in _CLAIM} | {"condition": condition["name"]}
            for condition in self.summary["conditions"]
            for claim in condition.get("claims") or ()
        ]
        return _table(rows, _CLAIM)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The claims table of the experiment, a row a row.

        claim, claimed, condition, measure, measured (text), estimate, lower, upper, verdict,
        decided_at_cycle, confidence (of this verdict), why, next (what would decide it).
        """
        rows = [{key: row.get(key) for key in _ROW} for row in self.summary["rows"]]
        return _table(rows, _ROW)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """A row for each point of each curve.

        curve (the sweep's name), series (what else was swept: "policy hybrid_verified"), key and
        label (what x is), x, condition, cycles, failures, reliability, lower, upper, and what
        independence predicts: predicted, predicted_lower, predicted_upper (nan where unknown).
        """
        rows = [
            {key: point.get(key) for key in _POINT}
            | {"curve": curve["name"], "series": series_name(curve)}
            | {"key": curve["key"], "label": curve["label"]}
            for curve in self.summary.get("curves") or ()
            for point in curve["points"]
        ]
        return _table(rows, _POINT)

    @cached_property
    def dependence(self) -> dict[str, dict[str, Any]]:
        """What forced restores say of independence, by condition; see docs of summary.json."""
        return self._by_condition("dependence")

    @cached_property
    def strata(self) -> dict[str, dict[str, Any]]:
        """The stratified estimates, by condition: failure probabilities over the fault rate."""
        return self._by_condition("strata")

    def _by_condition(self, key: str) -> dict[str, dict[str, Any]]:
        return {
            condition["name"]: condition[key]
            for condition in self.summary["conditions"]
            if condition.get(key)
        }

    def _results(self) -> Results | None:
        try:
            return Results(self.folder)
        except UsageError:
            return None  # published without its cycles

    def __repr__(self) -> str:
        """Say in a line what it is."""
        counts = f"{len(self.summary['conditions'])} conditions, {self._total():,} cycles"
        return f"<Run {self.name!r}: {counts}, seed {self.run.get('seed')}>"

    def _repr_html_(self) -> str:
        """Show the conditions as a short table in a notebook."""
        shown = ["condition", "policy", "cycles", "reliability", "reliability_lower"]
        table = self.conditions[[*shown, "reliability_upper", "verdict"]]
        html: str = table.to_html(index=False, na_rep="", max_rows=20, float_format=percent)
        title = f"<p><b>{_escaped(self.name)}</b>: {self._total():,} cycles, seed "
        return f"{title}{_escaped(str(self.run.get('seed')))}</p>{html}"

    def _total(self) -> int:
        return sum(condition["cycles"] for condition in self.summary["conditions"])


def _quantiles(stored: Mapping[str, Any], values_ms: Any, run: Run) -> dict[str, float | None]:
    from harness.statistics.timings import quantile_interval

    columns: dict[str, float | None] = {}
    for name, share in _QUANTILES.items():
        lower = upper = None
        if values_ms is not None:
            lower, upper = quantile_interval(values_ms, share, run.confidence)
        columns |= {
            f"{name}_ms": stored[name],
            f"{name}_lower_ms": lower,
            f"{name}_upper_ms": upper,
        }
    return columns | {"max_ms": stored["max"]}


def _table(rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    """Make a table; without rows it still has its columns, each of its type."""
    import pandas as pd

    kept = list(rows)
    table = pd.DataFrame(kept, columns=None if kept else list(columns))
    for name in table.columns:
        if name in _COUNTS:
            table[name] = table[name].astype("Int64")
        elif name in _WORDS:
            if table[name].isna().all():
                table[name] = table[name].astype(object)
        elif table[name].dtype == object and _numbers(table[name]):
            table[name] = table[name].astype(float)
    return table


def _numbers(column: pd.Series) -> bool:
    """Whether everything known in the column is a number."""
    known = column.dropna()
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)
