"""For machines: summary.json itself, with its version."""

from __future__ import annotations

import json
from pathlib import Path

from harness.analysis.summary import load
from harness.reports import Report


class JsonReport(Report):
    """The summary as JSON."""

    name = "json"
    contract = "One JSON object with a version: what summary.json holds."

    def render(self, folder: Path) -> str:
        """Return the summary of ``folder`` as JSON; UsageError where there is no run."""
        return json.dumps(load(folder).summary, indent=1, allow_nan=False) + "\n"
