"""Experiments written for a test: one condition over a backend, and how to read what is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigurationError
from harness.experiment.written.configuration import Condition, load

BACKEND = """\
name = "over_http"
cycles = 50

[defaults]
connection = "backend"
recoveries = ["online_backup"]
retry.jitter = 0.5
api = { timeout_ms = 60 }

[[conditions]]
name = "one"
cleanup = "api"
story = true

[conditions.faults.reset_before]
rate = 0.1
burst = 5
phases = ["create", "cleanup"]

[[conditions.strikes]]
fault = "reset_after"
on = "bots"
number = 2
attempts = "all"

[[conditions.strikes]]
fault = "io_error"
phase = "restore"
on = "online_backup"

[conditions.causes.disk]
rate = 0.01
faults = ["disk_full", "timeout"]
"""


def read(folder: Path, text: str, *overrides: str) -> tuple[Condition, ...]:
    """Write an experiment file and load it."""
    path = folder / "experiment.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, overrides).conditions


def refused(folder: Path, text: str, *overrides: str) -> str:
    """Load what cannot be loaded; return what is said, without the file's name."""
    with pytest.raises(ConfigurationError) as caught:
        read(folder, text, *overrides)
    return str(caught.value).replace(str(folder / "experiment.toml"), "")
