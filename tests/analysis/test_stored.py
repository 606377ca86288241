"""The stored summary is believed only while nothing it was made from is newer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.analysis.stored import fresh, read_summary
from harness.analysis.summary import write
from harness.errors import UsageError
from tests.stored_runs import cycles, make_run


@pytest.mark.parametrize("newer", ["run.json", "cycles.sqlite", "cycles.sqlite-wal"])
def test_a_summary_older_than_its_sources_is_none(folder: Path, newer: str) -> None:
    """A fresh one is given as it was written; with any source newer, none is."""
    summary = write(make_run(folder / "run", cycles(["cleaned"] * 3)))
    assert fresh(folder / "run") == summary
    source = folder / "run" / newer
    source.touch()
    later_ns = (folder / "run" / "summary.json").stat().st_mtime_ns + 1_000_000
    os.utime(source, ns=(later_ns, later_ns))
    assert fresh(folder / "run") is None


def test_a_published_summary_is_believed_whatever_its_age(folder: Path) -> None:
    """Without the database nothing can have changed: a clone sets times as it likes."""
    summary = write(make_run(folder / "run", cycles(["cleaned"] * 3)))
    (folder / "run" / "cycles.sqlite").unlink()
    os.utime(folder / "run" / "summary.json", ns=(0, 0))
    assert fresh(folder / "run") == summary


def test_no_summary_is_none(folder: Path) -> None:
    """A run that was not summed up has none, which is no error."""
    make_run(folder / "run")
    assert fresh(folder / "run") is None


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 99}'])
def test_what_is_no_summary_names_the_file(folder: Path, content: str) -> None:
    """Half a file, another thing, and a newer version are errors with the path."""
    path = folder / "summary.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"summary\.json"):
        read_summary(path)


def test_reading_it_imports_nothing_slow(folder: Path) -> None:
    """harness.load of a run that is summed up imports neither pandas nor scipy."""
    write(make_run(folder / "run", cycles(["cleaned"] * 3)))
    code = (
        f"import sys, harness; harness.load({str(folder / 'run')!r}); "
        "print([name for name in ('pandas', 'scipy', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
