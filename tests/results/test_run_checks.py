"""run.json is what a run wrote, or the sentence names the key that cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import MeasurementError
from harness.results.folder import RUN, read_run
from harness.results.run_checks import checksum, parsed
from tests.stored_runs import make_run

RESULTS = Path(__file__).parents[2] / "results"


def test_what_a_run_wrote_is_read(folder: Path) -> None:
    """Also with its keys in another order and other white space: the content counts."""
    path = make_run(folder / "run").folder / RUN
    told = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(told.items()))))
    assert read_run(folder / "run") == told
    assert checksum(told) == told["sha256"] == checksum({**told, "sha256": ""})


@pytest.mark.parametrize(
    "run", sorted(RESULTS.glob("*/run.json")), ids=lambda path: path.parent.name
)
def test_published_runs_are_read(run: Path) -> None:
    """Those from before there was a checksum have every key looked at instead."""
    assert read_run(run.parent)["experiment"]["conditions"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda told: told.update(seed=-1), "seed: -1 is no whole number"),
        (lambda told: told.update(seed="7"), "seed: '7' is no whole number"),
        (lambda told: told.update(seed=8), "seeds disagree: seed is 8, experiment.seed is 7"),
        (lambda told: told.update(workers=3), "sha256: it is not that of the other values"),
        (lambda told: told["experiment"].update(confidence=2), "experiment.confidence: must be"),
        (lambda told: told["experiment"].update(conditions=[1]), "holds no experiment"),
        (lambda told: told.update(experiment=None), "holds no experiment"),
    ],
)
def test_what_cannot_be_is_named(
    folder: Path, change: Callable[[dict[str, Any]], Any], sentence: str
) -> None:
    """Each change by hand is one sentence with the file, the key, and what to do."""
    path = make_run(folder / "run").folder / RUN
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))
    with pytest.raises(MeasurementError, match=sentence) as caught:
        read_run(folder / "run")
    assert str(caught.value).startswith(f"{path}: ")
    assert "put back the run.json" in str(caught.value)


def test_no_number_is_no_json(folder: Path) -> None:
    """NaN and Infinity are no JSON, though Python reads them."""
    for word in ("NaN", "-Infinity"):
        (folder / "a").write_text(f'{{"a": {word}}}')
        with pytest.raises(ValueError, match=word):
            parsed(folder / "a")
