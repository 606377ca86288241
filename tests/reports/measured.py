"""A summary with everything in it that a run can say of its claims, for tests of what prints it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from harness.results.stored_summary import sealed

HOSTILE = "a|b <c> & [d](e), f: 100%\x00\x1b[31m\n::error::g"


def claim(text: str, verdict: str, **values: Any) -> dict[str, Any]:
    """Make one claim of a condition as summary.json holds it."""
    usual = {
        "claim": text,
        "measure": "reliability",
        "at_least": 0.99,
        "at_most": None,
        "own": True,
        "limit_ms": None,
        "verdict": verdict,
        "decided_at_cycle": 339 if verdict == "supported" else None,
        "why": f"why it is {verdict}",
        "failures": 0,
        "cycles": 400,
        "estimate": 1.0,
        "lower": 0.99,
        "upper": 1.0,
        "interval_confidence": 0.95,
        "interval_method": "clopper_pearson",
        "confidence": 0.975,
        "method": "truncated-beta mixture e-process",
        "next": "supported at cycle 6,893 if nothing else fails"
        if verdict == "undecided"
        else None,
        "path": {"failures_at": [], "support_boundary": [], "refute_boundary": []},
    }
    return usual | values


DEPENDENCE = {
    "cells": {"both": 4, "cleanup_only": 40, "restore_only": 2, "neither": 354},
    "untried": 0,
    "share": 1.0,
    "refused": 0,
    "odds_ratio": {"estimate": 17.7, "lower": 2.5, "upper": None, "confidence": 0.95},
    "lift": {"estimate": 6.0, "lower": 1.5, "upper": 30.0, "confidence": 0.95},
    "predicted": {"estimate": 0.998, "lower": 0.99, "upper": 0.9999},
    "measured": {"estimate": 0.99, "lower": 0.97, "upper": 0.997},
    "sentence": "cleanup and restore fail together more often than apart",
}
CURVE = {
    "name": "rates",
    "series": {"policy": "hybrid_verified"},
    "key": "faults.*.rate",
    "label": "fault rate of each slot",
    "points": [
        {
            "x": x, "condition": f"rates/{x}", "cycles": 1000, "failures": failures,
            "reliability": 1 - failures / 1000, "lower": 0.9, "upper": 1.0,
            "predicted": 0.995, "predicted_lower": 0.99, "predicted_upper": None,
        }
        for x, failures in ((0.001, 0), (0.01, 3), (0.1, 60))
    ],
    "stratified": None,
    "frontier": {
        "target": 0.999, "confidence": 0.95, "holds_to": 0.001, "breaks_from": 0.1,
        "sentence": "99.9% holds up to 0.001 and is broken from 0.1 on",
    },
}  # fmt: skip
STRATA = {
    "slots": 12,
    "drawn_at": {"timeout": 0.01},
    "enumerated": 2,
    "steady": True,
    "unsteady": "",
    "strata": [],
    "curve": [
        {"rate": rate, "estimate": rate / 10, "lower": rate / 20, "upper": rate / 5,
         "untested": 0.0}
        for rate in (1e-4, 1e-3, 1e-2, 1e-1)
    ],
    "at_rate": {"rate": 0.01, "estimate": 0.001, "lower": 0.0005, "upper": 0.002},
    "frontier": {"target": 0.999, "holds_to": 0.004, "breaks_from": None, "confidence": 0.95},
    "conditional": {
        "assumed": "if the same faults always end alike",
        "curve": [
            {"rate": rate, "estimate": rate / 10, "lower": rate / 11, "upper": rate / 9,
             "untested": 0.0}
            for rate in (1e-4, 1e-3, 1e-2, 1e-1)
        ],
        "at_rate": {"rate": 0.01, "estimate": 0.001, "lower": 0.0009, "upper": 0.0012},
        "frontier": {
            "target": 0.999, "holds_to": 0.009, "breaks_from": 0.011, "confidence": 0.95
        },
    },
}  # fmt: skip


def measured(folder: Path) -> Path:
    """Turn the stored run in ``folder`` into one that says everything; return its folder."""
    path = folder / "summary.json"
    summary = json.loads(path.read_text())
    first = summary["conditions"][0]
    first["claims"] = [
        claim("reliability >= 0.99", "supported"),
        claim("data_safety >= 0.99", "refuted", measure="data_safety", failures=9),
        claim("reliability >= 0.999", "undecided", at_least=0.999),
        claim(HOSTILE, "not measured", estimate=None, lower=None, upper=None),
    ]
    for row in summary["rows"]:
        if row["condition"] == first["name"]:
            row["claim_number"] = None  # none of these is what a row says
    first["dependence"] = copy.deepcopy(DEPENDENCE)
    first["strata"] = copy.deepcopy(STRATA)
    summary["curves"] = [copy.deepcopy(CURVE)]
    summary["dependence"] = {
        "common": None, "agree": True, "strata": 1, "sentence": "one odds ratio fits all"
    }  # fmt: skip
    path.write_text(json.dumps(sealed(folder, summary)))
    return folder
