"""Colours of series and of outcomes, on a light and on a dark ground.

People who cannot tell red from green can tell them apart: a test simulates that. Each series has a
mark and a line of its own besides.
"""

from __future__ import annotations

from collections.abc import Mapping

SERIES: Mapping[str, tuple[str, ...]] = {
    "light": ("#0f6fc6", "#e26100", "#009a86", "#7b1f80", "#7a4a00", "#29313c"),
    "dark": ("#4f97ff", "#f58f1a", "#1fa37f", "#f28be6", "#f0e070", "#e9e4f2"),
}
# from the best to the worst: blue while the database is clean, warm where it is not
OUTCOMES: Mapping[str, Mapping[str, str]] = {
    "light": {
        "cleaned": "#b9dcf0",
        "restored": "#3f8cc2",
        "refused": "#6c6f74",
        "dirty_known": "#f2c445",
        "dirty_silent": "#cf5300",
        "baseline_lost": "#2a0f3d",
        "harness_error": "#4020c0",
    },
    "dark": {
        "cleaned": "#274d73",
        "restored": "#5aa7e6",
        "refused": "#8a8078",
        "dirty_known": "#f0d060",
        "dirty_silent": "#e0641e",
        "baseline_lost": "#ffffff",
        "harness_error": "#8040e0",
    },
}
SAID = {
    "cleaned": "cleaned",
    "restored": "restored",
    "refused": "refused before any test",
    "dirty_known": "dirty and said so",
    "dirty_silent": "dirty without a word",
    "baseline_lost": "baseline lost",
    "harness_error": "spoiled by the harness",
}
