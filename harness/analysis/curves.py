"""Reliability over what an experiment swept, and up to where the target holds."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from harness.experiment.written.claimed import own_claims
from harness.results.settled import fixed_beforehand
from harness.statistics.dependence import Table
from harness.statistics.frontier import Point, frontier, sentence
from harness.statistics.intervals import Interval
from harness.statistics.prediction import Count, from_forced_restores, from_other_restores

TARGET = 0.999  # of a condition that claims no reliability of its own
ASSUMED = (
    "Each point stands on its own cycles; that the target holds, or is broken, between two points "
    "takes for granted that reliability never rises with what is swept."
)
# in a condition whose strata tell of the same curve
_MAY_DIFFER = ("name", "cycles", "claims", "strata", "sweep", "shadow")
_RATE = re.compile(r"(faults|causes)\.(.+)\.rate")

Json = Mapping[str, Any]


class _Known(NamedTuple):
    """One condition of the run, as it was set and as it was measured."""

    settings: Json
    measured: Json
    fixed: bool  # its number of cycles was settled beforehand


class _Place(NamedTuple):
    """One condition of a sweep, and where it stands."""

    condition: _Known
    x: float

    @property
    def settings(self) -> Json:
        """As it was set."""
        return self.condition.settings

    @property
    def measured(self) -> Json:
        """As it was measured."""
        return self.condition.measured


def curves(
    settings: Sequence[Json], measured: Sequence[Json], confidence: float, run: Json
) -> list[dict[str, Any]]:
    """Return a curve for each series of each sweep; [] where nothing was swept over numbers.

    A series holds the conditions of one sweep that are alike on every axis but x. x is the axis
    whose values are numbers; of several, the first that is a rate. A condition is left out, and
    said to be, where its share of clean cycles is no reliability: after a harness error, where a
    fault that was to strike never fired, or where its cycles have a set number of faults.

    Args:
        settings: the conditions of run.json.
        measured: the conditions of summary.json, of the same names.
        confidence: that all that one curve's frontier says is right at once.
        run: run.json, which says whether numbers of cycles could depend on what they showed.

    Returns:
        For each curve its name, series, key, label, points in ascending order of x (shares from 0
        to 1), frontier, what was left out and why, and the name of the condition whose strata
        estimate the same curve. What independence predicts has bounds only where the numbers of
        cycles it comes from were fixed beforehand.
    """
    by_name = {condition["name"]: condition for condition in measured}
    known = {
        setting["name"]: _Known(
            setting, found, fixed_beforehand(run, setting, int(found["cycles"]))
        )
        for setting in settings
        if (found := by_name.get(setting["name"])) is not None
    }
    sweeps: dict[str, list[Json]] = {}
    for setting in settings:
        if setting.get("sweep") and setting["name"] in known:
            keys = [setting["sweep"]["of"], *setting["sweep"]["axes"]]
            sweeps.setdefault(json.dumps(keys), []).append(setting)
    made = [
        _curve(places, key, known, confidence)
        for conditions in sweeps.values()
        if (key := _x_key(conditions)) is not None
        for places in _series(conditions, known, key).values()
    ]
    return [curve for curve in made if curve is not None]


def _x_key(conditions: Sequence[Json]) -> str | None:
    """The axis to draw over: numbers throughout, a rate rather than anything else."""
    axes = [condition["sweep"]["axes"] for condition in conditions]
    numeric = [key for key in axes[0] if all(_number(values.get(key)) for values in axes)]
    rates = [key for key in numeric if _RATE.fullmatch(key)]
    return next(iter(rates + numeric), None)


def _series(
    conditions: Sequence[Json], known: Mapping[str, _Known], key: str
) -> dict[str, list[_Place]]:
    """Part the conditions of a sweep by their values on all other axes."""
    series: dict[str, list[_Place]] = {}
    for condition in conditions:
        place = _Place(known[condition["name"]], condition["sweep"]["axes"][key])
        series.setdefault(json.dumps(_others(condition, key)), []).append(place)
    return {other: sorted(places, key=lambda p: p.x) for other, places in series.items()}


def _others(condition: Json, key: str) -> dict[str, Any]:
    return {axis: value for axis, value in condition["sweep"]["axes"].items() if axis != key}


def _curve(
    places: Sequence[_Place], key: str, known: Mapping[str, _Known], confidence: float
) -> dict[str, Any] | None:
    why = _left_out(places)
    kept = [place for place in places if place.settings["name"] not in why]
    if len(places) < 2 or not kept:
        return None
    points = [_point(place, known, confidence) for place in kept]
    label, of = _labels(key)
    return {
        "name": places[0].settings["sweep"]["of"],
        "series": _others(places[0].settings, key),
        "key": key,
        "label": label,
        "points": points,
        "stratified": _stratified(
            kept[0].settings, key, [each.settings for each in known.values()]
        ),
        "frontier": _frontier(places, why, confidence, of),
        "left_out": [{"condition": name, "why": text} for name, text in why.items()],
    }


def _left_out(places: Sequence[_Place]) -> dict[str, str]:
    """Say of each condition that is no point of the curve why not."""
    why: dict[str, str] = {}
    at: dict[float, str] = {}
    for place in places:
        name, text = place.settings["name"], _unfit(place)
        if not text and at.setdefault(place.x, name) != name:
            text = f"stands where {at[place.x]} does"
        if text:
            why[name] = text
    return why


def _unfit(place: _Place) -> str:
    """Say why a condition's share of clean cycles is no point of the curve; "" where it is."""
    settings, measured = place.settings, place.measured
    if settings.get("strata"):
        return "its cycles have a set number of faults; their share is no reliability at a rate"
    # what keeps a condition from supporting anything keeps it from standing on a curve
    return "; ".join(measured["doubts"])


def _point(place: _Place, known: Mapping[str, _Known], confidence: float) -> dict[str, Any]:
    measured = place.measured
    shares = measured["reliability"]
    predicted = _predicted(measured, known, confidence)
    other = known.get((measured.get("together") or {}).get("compared_with") or "")
    bounded = predicted if place.condition.fixed and (other is None or other.fixed) else None
    return {
        "x": place.x,
        "condition": place.settings["name"],
        "cycles": measured["cycles"],
        "failures": _failures(measured),
        "reliability": shares["estimate"],
        "lower": shares["lower"],
        "upper": shares["upper"],
        "predicted": predicted and predicted.estimate,
        "predicted_lower": bounded and bounded.lower,
        "predicted_upper": bounded and bounded.upper,
    }


def _failures(measured: Json) -> int:
    clean: int = measured["outcomes"]["cleaned"] + measured["outcomes"]["restored"]
    return int(measured["cycles"]) - clean


def _predicted(measured: Json, known: Mapping[str, _Known], confidence: float) -> Interval | None:
    """Return the reliability if cleanup and restore failed independently; None if nobody knows.

    From restores forced in the condition's own cycles; else from the condition that is the same
    but restores every time (see `harness.statistics.prediction`).
    """
    counts = measured.get("together") or {}
    dependence = measured.get("dependence") or {}
    cycles = measured["cycles"]
    refused = Count(counts.get("recovery_only", 0), cycles)
    if (dependence.get("predicted") or {}).get("estimate") is not None:
        table = Table(
            **dependence["cells"], share=dependence["share"], untried=dependence["untried"]
        )
        unseen = Count(dependence.get("unseen", 0), cycles)
        return from_forced_restores(table, refused, unseen, confidence)
    other = known.get(counts.get("compared_with") or "")
    if other is None:
        return None
    failed = counts["cleanup_only"] + counts["both"]
    cleanup = Count(failed, failed + counts["neither"])
    tried = (other.measured.get("timings_ms") or {}).get("restore", {}).get("count", 0)
    if not tried or not cleanup.of:
        return None
    restore = Count(max(0, tried - other.measured["outcomes"]["restored"]), tried)
    return from_other_restores(cleanup, restore, refused, confidence)


def _target(places: Sequence[_Place]) -> float:
    """The reliability that the conditions claim, the highest of several; else TARGET."""
    claims = [claim for place in places for claim in own_claims(place.settings)]
    claimed = [claim.at_least for claim in claims if claim.measure == "reliability"]
    return max((share for share in claimed if 0 < share < 1), default=TARGET)


def _frontier(
    places: Sequence[_Place],
    left_out: Mapping[str, str],
    confidence: float,
    of: str,
) -> dict[str, Any]:
    # What is left out tells nothing, and still counts: nothing is shown beyond a rate that nobody
    # knows of, and how many points share the error must not depend on what they showed.
    points = {place.x: Point(place.x, 0, 0) for place in places}
    for place in places:
        settings, measured = place.settings, place.measured
        if settings["name"] not in left_out:
            cycles, failures = measured["cycles"], _failures(measured)
            points[place.x] = Point(place.x, failures, cycles, place.condition.fixed)
    crossing = frontier(list(points.values()), _target(places), confidence)
    return {
        "target": crossing.target,
        "confidence": crossing.confidence,
        "holds_to": crossing.holds_to,
        "breaks_from": crossing.breaks_from,
        "sentence": sentence(crossing, of),
        "assumed": ASSUMED,
    }


def _stratified(condition: Json, key: str, settings: Sequence[Json]) -> str | None:
    """Name the condition whose strata give this curve: all its rates rise together, as here."""
    own = [f"faults.{kind}.rate" for kind in condition.get("faults") or ()]
    if key != "faults.*.rate" and own != [key]:
        return None
    for other in settings:
        rates = {json.dumps(fault["rate"]) for fault in (other.get("faults") or {}).values()}
        if other.get("strata") and len(rates) == 1 and _essence(other) == _essence(condition):
            return str(other["name"])
    return None


def _essence(condition: Json) -> dict[str, Any]:
    """A condition without what may differ, and without its faults' rates."""
    kept = {key: value for key, value in condition.items() if key not in _MAY_DIFFER}
    faults = (condition.get("faults") or {}).items()
    bare = {kind: {**fault, "rate": None} for kind, fault in faults}
    return {**kept, "faults": bare}


def _labels(key: str) -> tuple[str, str]:
    """Name x for an axis, and within a sentence."""
    rate = _RATE.fullmatch(key)
    if rate is None:
        return key, key
    table, name = rate.groups()
    if table == "faults":
        every_slot = ("fault rate of each slot", "fault rate")
        return every_slot if name == "*" else (f"rate of {name} at each slot", f"rate of {name}")
    name = "each cause" if name == "*" else f"the cause {name}"
    return f"rate of {name} in a cycle", f"rate of {name}"


def _number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
