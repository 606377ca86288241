"""The stored summary is believed only while the files it was made from are still those."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import registry
from harness.analysis.summary import load, write
from harness.errors import MeasurementError, UsageError
from harness.results.stored_summary import fresh, read_summary
from tests.analysis.designed_runs import records, run_of
from tests.stored_runs import cycles, make_run


@pytest.mark.parametrize("changed", ["run.json", "cycles.sqlite", "cycles.sqlite-wal"])
def test_a_summary_of_other_sources_is_none(folder: Path, changed: str) -> None:
    """A fresh one is given as it was written; once a source has other content, none is."""
    summary = write(make_run(folder / "run", cycles(["cleaned"] * 3)))
    assert fresh(folder / "run") == summary
    source = folder / "run" / changed
    source.write_bytes((source.read_bytes() if source.exists() else b"") + b" ")
    for name in (changed, "summary.json"):  # whatever their times say
        os.utime(folder / "run" / name, ns=(0, 0))
    assert fresh(folder / "run") is None


def test_times_of_files_say_nothing(folder: Path) -> None:
    """A clone or a copy sets them as it likes: the same content is the same."""
    summary = write(make_run(folder / "run", cycles(["cleaned"] * 3)))
    for gone in ("", "cycles.sqlite"):
        (folder / "run" / gone).unlink() if gone else None
        os.utime(folder / "run" / "summary.json", ns=(0, 0))
        assert fresh(folder / "run") == summary


def test_a_published_summary_of_other_cycles_is_none(folder: Path) -> None:
    """Without the database, cycles.parquet is what a summary must have been made with."""
    write(make_run(folder / "run", cycles(["cleaned"] * 3)))
    write(make_run(folder / "longer", cycles(["cleaned"] * 4)))
    (folder / "run" / "cycles.sqlite").unlink()
    shutil.copy(folder / "longer" / "cycles.parquet", folder / "run")
    assert fresh(folder / "run") is None
    assert load(folder / "run").summary["conditions"][0]["cycles"] == 4


def test_an_older_summary_is_believed_of_as_many_cycles(folder: Path) -> None:
    """One that does not say what it was made from: never beside a database, else if it counts."""
    made = write(make_run(folder / "run", cycles(["cleaned"] * 3)))
    older = {key: value for key, value in made.items() if key not in ("made_from", "sha256")}
    path = folder / "run" / "summary.json"
    path.write_text(json.dumps(older))
    assert fresh(folder / "run") is None
    (folder / "run" / "cycles.sqlite").unlink()
    assert fresh(folder / "run") == older
    older["conditions"][0]["cycles"] = 2
    path.write_text(json.dumps(older))
    assert fresh(folder / "run") is None


def test_a_changed_summary_is_said(folder: Path) -> None:
    """A figure that was changed by hand is no figure of the run."""
    write(make_run(folder / "run", cycles(["cleaned"] * 3)))
    path = folder / "run" / "summary.json"
    path.write_text(path.read_text().replace('"cycles": 3', '"cycles": 4', 1))
    with pytest.raises(MeasurementError, match=r"summary\.json: sha256: .* changed since a run"):
        load(folder / "run")


def test_without_cycles_the_run_must_be_the_summarys(folder: Path) -> None:
    """Where nothing can be computed anew, a run.json of another run is said to be one."""
    write(make_run(folder / "run", cycles(["cleaned"] * 3)))
    write(make_run(folder / "other", cycles(["cleaned"] * 3), seed=8))
    for name in ("cycles.sqlite", "cycles.parquet"):
        (folder / "run" / name).unlink()
    shutil.copy(folder / "other" / "run.json", folder / "run")
    with pytest.raises(MeasurementError, match=r"run\.json: is not the one that summary\.json"):
        load(folder / "run")


def test_no_summary_is_none(folder: Path) -> None:
    """A run that was not summed up has none, which is no error."""
    make_run(folder / "run")
    assert fresh(folder / "run") is None


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 99}'])
def test_what_is_no_summary_names_the_file(folder: Path, content: str) -> None:
    """Half a file, another thing, and a newer version are errors with the path."""
    path = folder / "summary.json"
    path.write_text(content)
    with pytest.raises((MeasurementError, UsageError), match=r"summary\.json"):
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


def test_what_an_older_run_took_for_granted_is_put_under_its_name(tmp_path: Path) -> None:
    """Its curve and bounds hold only on the assumption; computed anew they hold without it."""
    results = run_of(tmp_path, records())
    made = write(results)
    path = results.folder / "summary.json"
    older = {key: value for key, value in made.items() if key not in ("made_from", "sha256")}
    (one,) = older["conditions"]
    taken = one["strata"].pop("conditional")
    now = {key: one["strata"][key] for key in ("curve", "at_rate", "frontier")}
    one["strata"] |= {key: taken[key] for key in now}
    path.write_text(json.dumps(older))
    (read,) = read_summary(path)["conditions"]
    assert read["strata"]["conditional"] == taken
    assert (read["strata"]["curve"], read["strata"]["frontier"]) == ([], None)
    assert (read["reliability"]["lower"], read["reliability"]["upper"]) == (None, None)
    assert read["timings_ms"] == one["timings_ms"]
    (results.folder / "cycles.sqlite").unlink()  # as it is published
    (anew,) = load(results.folder).summary["conditions"]
    assert {key: anew["strata"][key] for key in now} == now
    assert anew["strata"]["conditional"] == taken
    (results.folder / "cycles.parquet").unlink()  # its summary is all there is
    for name in ("console", "markdown", "html"):
        text = registry.find("reports", name)().render(results.folder)
        assert "f the same faults always end alike" in " ".join(text.split()), name
