"""A run's two files made from what summary.json may hold, with something of everything in it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from harness.analysis.distributions import SHARES
from harness.outcomes import OUTCOMES, TIMINGS
from harness.results.run_checks import checksum
from harness.statistics.intervals import clopper_pearson
from harness.statistics.sequential import decide, refute_boundary, support_boundary

HOSTILE = '<b onclick="x">&amp; "quoted" \u2028\u202ename\u202c \x00\ud800' + "long " * 60
RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
POLICIES = ("hybrid_verified", "hybrid_trusting", "cleanup_only")
_QUESTION = "How far does the fault rate go before the approach is no longer 99.9% reliable?"


def share(failures: int, cycles: int) -> dict[str, Any]:
    """Return a reliability as summary.json holds it."""
    return dict(clopper_pearson(cycles - failures, cycles)._asdict())


def claim(failures_at: list[int], cycles: int, at_least: float = 0.999) -> dict[str, Any]:
    """Return a claim judged on cycles of which ``failures_at`` (counted from 1) failed."""
    failed = set(failures_at)
    found = decide([cycle in failed for cycle in range(1, cycles + 1)], at_least)
    most = range(len(failures_at) + 3)
    coming = support_boundary(len(failures_at), at_least)
    waiting = f"supported at cycle {coming:,} if nothing else fails"
    measured = share(len(failures_at), cycles)
    return {
        "claim": f"reliability >= {at_least:g}",
        "measure": "reliability",
        "at_least": at_least,
        "limit_ms": None,
        "verdict": found.verdict,
        "decided_at_cycle": found.decided_at,
        "why": f"{len(failures_at)} failures in {cycles:,}",
        "failures": len(failures_at),
        "cycles": cycles,
        **{key: measured[key] for key in ("estimate", "lower", "upper")},
        "interval_confidence": 0.95,
        "confidence": 0.95,
        "method": "truncated-beta mixture e-process",
        "next": waiting if found.verdict == "undecided" else None,
        "path": {
            "failures_at": failures_at[:200],
            "support_boundary": [[k, support_boundary(k, at_least)] for k in most],
            "refute_boundary": [[k, refute_boundary(k, at_least)] for k in range(1, len(most))],
        },
    }


def condition(name: str, failures: int = 0, cycles: int = 2000, **more: Any) -> dict[str, Any]:
    """Return one condition of summary.json; ``more`` takes the place of what it holds."""
    outcomes = dict.fromkeys(OUTCOMES, 0)
    outcomes |= {"cleaned": cycles - failures, "dirty_silent": failures}
    median = {step: 2.0 * (order + 1) for order, step in enumerate(TIMINGS)}
    spread = {
        step: [ms * math.exp(1.4 * (one - 0.5)) for one in SHARES] for step, ms in median.items()
    }
    measured = share(failures, cycles)
    return {
        "name": name,
        "policy": "hybrid_verified",
        "cycles": cycles,
        "outcomes": outcomes,
        "clean": {"demands": "rows", "rows": cycles - failures, "exact": 0},
        "reliability": measured,
        "data_safety": share(0, cycles),
        "claimed": "reliability >= 0.999",
        "verdict": "undecided",
        "decided_at_cycle": None,
        "timings_ms": {
            step: {"p50": v[13], "p95": v[23], "p99": v[25], "max": v[-1], "count": cycles}
            for step, v in spread.items()
        },
        "cpu_ms": {
            step: {
                "p50": v[13] / 4,
                "p95": v[23] / 4,
                "p99": v[25] / 4,
                "max": v[-1] / 4,
                "count": cycles,
            }
            for step, v in spread.items()
        },
        "distributions_ms": {
            step: {"shares": list(SHARES), "values": values} for step, values in spread.items()
        },
        "faults": {
            "timeout": {"planned": 90, "fired": 60, "surfaced": 45, "masked": 10},
            "reset": {"planned": 20, "fired": 25, "surfaced": 25, "masked": 0},
            "never": {"planned": 0, "fired": 0, "surfaced": 0, "masked": 0},
        },
        "cycles_per_second": 123.4,
        "to_replay": [
            {"cycle": 7 + one, "outcome": "dirty_silent", "detail": "a row was left"}
            for one in range(min(failures, 2))
        ],
        "together": None,
        "unsaid": None,
        "sweep": None,
        "claims": [],
        "dependence": None,
        "strata": None,
        **more,
    }


def dependence() -> dict[str, Any]:
    """Return what one condition says of cleanup and restore failing together."""
    ratio = {"confidence": 0.95, "method": "exact"}
    return {
        "cells": {"both": 4, "cleanup_only": 96, "restore_only": 19, "neither": 1881},
        "untried": 1000,
        "share": 0.5,
        "refused": 3,
        "odds_ratio": {"estimate": 4.1, "lower": 1.2, "upper": 12.6, **ratio},
        "lift": {"estimate": 3.5, "lower": 0.9, "upper": None, **ratio},
        "predicted": {"estimate": 0.9995, "lower": 0.9990, "upper": 0.9998},
        "measured": {"estimate": 0.998, "lower": 0.995, "upper": 0.9995},
        "sentence": "The two fail together 4.1 times as often as independence would have it.",
    }


def strata() -> dict[str, Any]:
    """Return what one condition with a set number of faults a cycle says of every rate."""
    rates = [1e-4 * 10 ** (one / 20) for one in range(61)]
    return {
        "slots": 12,
        "drawn_at": {"timeout": 0.01},
        "enumerated": 2,
        "steady": True,
        "unsteady": "",
        "strata": [
            {"k": k, "cycles": 100 * (k + 1), "failures": k * k, "exact": k <= 2,
             "share": k * k / (100 * (k + 1)), "sets": math.comb(12, k)}
            for k in range(6)
        ],
        "curve": [
            {"rate": rate, "estimate": (fails := min(0.9, 4 * rate**1.5)), "lower": fails * 0.6,
             "upper": min(1.0, fails * 1.6 + 1e-5), "untested": 0.0}
            for rate in rates
        ],
        "at_rate": {"rate": 0.01, "estimate": 0.004, "lower": 0.0024, "upper": 0.0064},
        "frontier": {"target": 0.999, "holds_to": 0.0028, "breaks_from": 0.0056,
                     "confidence": 0.95},
        "conditional": {
            "assumed": "if the same faults always end alike",
            "curve": [
                {"rate": rate, "estimate": (fails := min(0.9, 4 * rate**1.5)),
                 "lower": fails * 0.9, "upper": fails * 1.1, "untested": 0.0}
                for rate in rates
            ],
            "at_rate": {"rate": 0.01, "estimate": 0.004, "lower": 0.0036, "upper": 0.0044},
            "frontier": {"target": 0.999, "holds_to": 0.0037, "breaks_from": 0.0043,
                         "confidence": 0.95},
        },
    }  # fmt: skip


def curve(policy: str, worse: float, cycles: int = 4000) -> dict[str, Any]:
    """Return the curve of one policy, failing ``worse`` times as often as the best."""
    points = []
    for rate in RATES:
        failures = round(cycles * min(0.95, worse * 4 * rate**1.5))
        measured = share(failures, cycles)
        points.append(
            {
                "x": rate,
                "condition": f"sweep/{rate:g}/{policy}",
                "cycles": cycles,
                "failures": failures,
                "reliability": measured["estimate"],
                "lower": measured["lower"],
                "upper": measured["upper"],
                "predicted": 1 - min(0.9, worse * 2.5 * rate**1.6),
                "predicted_lower": None,
                "predicted_upper": None,
            }
        )
    return {
        "name": "sweep",
        "series": {"policy": policy},
        "key": "faults.*.rate",
        "label": "fault rate of each slot",
        "points": points,
        "stratified": "strata, any rate" if worse == 1 else None,
        "frontier": {
            "target": 0.999,
            "confidence": 0.95,
            "holds_to": 0.002 if worse == 1 else None,
            "breaks_from": 0.01 if worse < 9 else 0.001,
            "sentence": "99.9% holds up to 0.002 and breaks from 0.01 on.",
        },
    }


def sample_summary(hostile: str = "") -> dict[str, Any]:
    """Return a summary.json with every part in it; ``hostile`` goes wherever people's text does."""
    two, many = [900, 4100], list(range(3, 400, 4))
    extra = f" {hostile}" if hostile else ""
    conditions = [
        condition("steady" + extra, 0, 4000, claims=[claim([], 4000)], verdict="supported",
                  dependence=dependence()),
        condition("two failed", 2, 5000, claims=[claim(two, 5000)]),
        condition("many failed", len(many), 600, claims=[claim(many, 600), claim(many, 600, 0.5)],
                  verdict="refuted"),
        condition("strata, any rate", 21, 2100, strata=strata(), claimed=None, verdict=None),
        condition("nothing ran", 0, 0, distributions_ms={}),
    ]  # fmt: skip
    conditions[-1]["timings_ms"] = {
        step: {"p50": None, "p95": None, "p99": None, "max": None, "count": 0} for step in TIMINGS
    }
    conditions[-1]["reliability"] = conditions[-1]["data_safety"] = {
        "estimate": None, "lower": 0.0, "upper": 1.0, "confidence": 0.95, "method": "none",
    }  # fmt: skip
    curves = [
        curve(policy, worse) for policy, worse in zip(POLICIES, (1.0, 4.0, 40.0), strict=True)
    ]
    if hostile:
        conditions[0]["claims"][0] |= {"claim": hostile, "why": hostile, "next": hostile}
        conditions[0]["dependence"]["sentence"] = hostile
        conditions[0]["faults"] = {hostile: conditions[0]["faults"]["timeout"]}
        curves[0] |= {"name": hostile, "series": {hostile: hostile}, "label": hostile}
        curves[0]["frontier"]["sentence"] = hostile
    common = {"estimate": 3.9, "lower": 1.3, "upper": 11.0, "confidence": 0.95, "method": "exact"}
    return {
        "version": 1,
        "experiment": "sample" + extra,
        "conditions": conditions,
        "rows": [],
        "stories": [],
        "curves": curves,
        "dependence": {
            "common": common,
            "agree": True,
            "strata": 1,
            "sentence": hostile or "Cleanup and restore fail together more often than apart.",
        },
    }


def write_sample(folder: Path, hostile: str = "", summary: dict[str, Any] | None = None) -> Path:
    """Write run.json and summary.json into ``folder``, which must not exist; return it."""
    folder.mkdir()
    told = summary or sample_summary(hostile)
    run: dict[str, Any] = {
        "version": 1,
        "experiment": {
            "name": "sample",
            "question": hostile or _QUESTION,
            "confidence": 0.95,
            "conditions": [{"name": one["name"]} for one in told["conditions"]],
        },
        "seed": 1,
        "machine": {"cpu": hostile or "a processor", "cores": 2},
        "versions": {"python": "3.11"},
    }
    run["sha256"] = checksum(run)
    for name, content in (("run", run), ("summary", told)):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder
