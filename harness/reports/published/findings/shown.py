"""What was shown to happen: the copy that most scripts make, and the failure scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.reports.words.scenario import scenario
from harness.reports.words.statements import condition_called
from harness.reports.words.strength import counted, fails_more

Summaries = Mapping[str, Mapping[str, Any]]

_COPY = "control: naive copy, "


def naive_copy(runs: Summaries) -> str:
    """Say what became of restores by copying the file, the application closed or connected."""
    found = {
        row["claim"].removeprefix(_COPY): condition_called(summary, row["condition"])
        for summary in runs.values()
        for row in summary.get("rows") or ()
        if row["claim"].startswith(_COPY) and row["verdict"] == "control"
    }
    said = "; ".join(f"{how}, {counted(one)}" for how, one in found.items() if one)
    closed, connected = (found.get(f"application {how}") for how in ("closed", "connected"))
    if closed and connected:
        word = fails_more(closed, connected)
        said += f" ({'worse' if word == 'worse' else 'better' if word == 'better' else word})"
    return f"A restore by copying the file back, as a control: {said}." if said else ""


def failure_scenario(runs: Summaries) -> str:
    """Tell the scenario's cleanup and its end: one cycle, which is no rate."""
    said = []
    for kept in (runs.get("failure_scenario") or {}).get("stories") or ():
        story = kept["story"]
        added = story["found"]["tables"]
        tables = [
            f"of {one['wanted']:,} {one['table']} {one['removed']:,} reported as deleted and "
            f"{(added.get(one['table']) or {}).get('added', 0):,} found left"
            for one in story["cleanup"]["tables"]
        ]
        said.append(f"{'; '.join(tables)}: {scenario(kept).end}.")
    if not said:
        return ""
    return (
        f"{' '.join(said)[:1].upper()}{' '.join(said)[1:]} One cycle shows what can happen, not "
        "how often. (A DELETE whose client gives up may still be carried out.)"
    )
