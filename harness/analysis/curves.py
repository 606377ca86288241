"""Reliability over what an experiment swept, and up to where the target holds."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from harness.experiment.written.claimed import own_claims
from harness.statistics.frontier import Point, frontier, sentence
from harness.statistics.intervals import clopper_pearson

TARGET = 0.999  # of a condition that claims no reliability of its own
ASSUMED = (
    "Each point stands on its own cycles; that the target holds, or is broken, between two points "
    "takes for granted that reliability never rises with what is swept."
)
# in a condition whose strata tell of the same curve
_MAY_DIFFER = ("name", "cycles", "claims", "strata", "sweep", "shadow")
_RATE = re.compile(r"(faults|causes)\.(.+)\.rate")

Json = Mapping[str, Any]


class _Place(NamedTuple):
    """One condition of a sweep: as it was set, as it was measured, and where it stands."""

    settings: Json
    measured: Json
    x: float


def curves(
    settings: Sequence[Json], measured: Sequence[Json], confidence: float, *, fixed: bool = True
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
        fixed: whether the numbers of cycles were fixed beforehand: no run that stops when it is
            decided, none that was gone on with for more cycles after it had ended.

    Returns:
        For each curve its name, series, key, label, points in ascending order of x (shares from 0
        to 1), frontier, what was left out and why, and the name of the condition whose strata
        estimate the same curve.
    """
    known = {condition["name"]: condition for condition in measured}
    sweeps: dict[str, list[Json]] = {}
    for setting in settings:
        if setting.get("sweep") and setting["name"] in known:
            keys = [setting["sweep"]["of"], *setting["sweep"]["axes"]]
            sweeps.setdefault(json.dumps(keys), []).append(setting)
    made = [
        _curve(places, key, settings, known, confidence, fixed)
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
    conditions: Sequence[Json], known: Mapping[str, Json], key: str
) -> dict[str, list[_Place]]:
    """Part the conditions of a sweep by their values on all other axes."""
    series: dict[str, list[_Place]] = {}
    for condition in conditions:
        place = _Place(condition, known[condition["name"]], condition["sweep"]["axes"][key])
        series.setdefault(json.dumps(_others(condition, key)), []).append(place)
    return {other: sorted(places, key=lambda p: p.x) for other, places in series.items()}


def _others(condition: Json, key: str) -> dict[str, Any]:
    return {axis: value for axis, value in condition["sweep"]["axes"].items() if axis != key}


def _curve(
    places: Sequence[_Place],
    key: str,
    settings: Sequence[Json],
    known: Mapping[str, Json],
    confidence: float,
    fixed: bool,
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
        "stratified": _stratified(kept[0].settings, key, settings),
        "frontier": _frontier(places, why, confidence, of, fixed),
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


def _point(place: _Place, known: Mapping[str, Json], confidence: float) -> dict[str, Any]:
    measured = place.measured
    shares = measured["reliability"]
    predicted = _predicted(measured, known, confidence) or {}
    return {
        "x": place.x,
        "condition": place.settings["name"],
        "cycles": measured["cycles"],
        "failures": _failures(measured),
        "reliability": shares["estimate"],
        "lower": shares["lower"],
        "upper": shares["upper"],
        "predicted": predicted.get("estimate"),
        "predicted_lower": predicted.get("lower"),
        "predicted_upper": predicted.get("upper"),
    }


def _failures(measured: Json) -> int:
    clean: int = measured["outcomes"]["cleaned"] + measured["outcomes"]["restored"]
    return int(measured["cycles"]) - clean


def _predicted(measured: Json, known: Mapping[str, Json], confidence: float) -> Json | None:
    """Return the reliability if cleanup and restore failed independently; None if nobody knows.

    1 - P(cleanup failed) P(restore failed), from restores forced in the condition's own cycles;
    else from the condition that is the same but restores every time. That is of the cycles that
    had a backup; those whose backup was refused fail in any case, and count as they are. So do
    those that were believed and dirty: no restore had a say in them.
    """
    counts = measured.get("together") or {}
    dependence = measured.get("dependence") or {}
    own = dependence.get("predicted")
    found = own or _from_restores(counts, known.get(counts.get("compared_with") or ""), confidence)
    if not found or found["estimate"] is None:
        return None
    backed_up = 1 - counts.get("recovery_only", 0) / measured["cycles"]
    unseen = dependence.get("unseen", 0) / measured["cycles"] if own else 0.0
    return {
        end: None if found[end] is None else max(0.0, found[end] * backed_up - unseen)
        for end in ("estimate", "lower", "upper")
    }


def _from_restores(counts: Json, other: Json | None, confidence: float) -> Json | None:
    """Predict from the condition that restores every time, each chance with half of the error."""
    if other is None:
        return None
    failed = counts["cleanup_only"] + counts["both"]
    tried = (other.get("timings_ms") or {}).get("restore", {}).get("count", 0)
    if not tried or not failed + counts["neither"]:
        return None
    each = 1 - (1 - confidence) / 2
    cleanup = clopper_pearson(failed, failed + counts["neither"], each)
    not_restored = max(0, tried - other["outcomes"]["restored"])
    restore = clopper_pearson(not_restored, tried, each)
    return {
        "estimate": 1 - cleanup.estimate * restore.estimate,
        "lower": 1 - cleanup.upper * restore.upper,
        "upper": 1 - cleanup.lower * restore.lower,
    }


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
    fixed: bool,
) -> dict[str, Any]:
    # What is left out tells nothing, and still counts: nothing is shown beyond a rate that nobody
    # knows of, and how many points share the error must not depend on what they showed.
    points = {place.x: Point(place.x, 0, 0) for place in places}
    for place in places:
        settings, measured = place.settings, place.measured
        if settings["name"] not in left_out:
            # fewer cycles than planned: they may have ended because of what they showed
            whole = fixed and measured["cycles"] >= settings.get("cycles", 0)
            points[place.x] = Point(place.x, _failures(measured), measured["cycles"], whole)
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
