"""The verbs that read stored runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.command_line import ELSEWHERE, Call


def test_stored_runs_are_read_where_nothing_can_be_guarded(
    harness: Call, experiment: Path, folder: Path
) -> None:
    """Without fcntl report and check answer as they do here."""
    run = folder / "run"
    assert harness("run", str(experiment), "--output", str(run))[0] in (0, 1, 3)
    for words in (["report", "--format", "json", str(run)], ["check", str(run)]):
        status, said, _ = harness(*words)
        done = subprocess.run(
            [sys.executable, "-c", ELSEWHERE, *words],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (status, said), done.stderr
