"""What every ground promises, asked of each that there is."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from harness.databases.engines import engine_of
from harness.errors import UsageError
from harness.experiment.cycle import grounds
from harness.experiment.cycle.forking import SITE, process_context
from harness.experiment.cycle.grounds.ground import Ground


def test_a_ground_is_found_by_its_engines_name(folder: Path) -> None:
    """A path is a SQLite file; an address of an engine that has none is refused."""
    name = engine_of(folder / "any.db").name
    assert grounds.ground_of(folder / "any.db").__module__.startswith(f"{grounds.__name__}.{name}")
    with pytest.raises(UsageError, match="experiments run on copies of a file"):
        grounds.ground_of("postgresql://u@h/d")  # type: ignore[arg-type]  # an address is a text


@pytest.mark.parametrize("module", grounds.modules())
def test_each_is_whole(module: str) -> None:
    """Every engine's ground says how it does all that is asked of one."""
    found = importlib.import_module(module).Ground
    assert issubclass(found, Ground)
    assert not found.__abstractmethods__
    assert found.errors


def test_workers_begin_with_them() -> None:
    """The server that workers are forked from has imported every ground."""
    process_context(SITE)
    from multiprocessing import forkserver  # noqa: PLC0415 - its list is no public name

    assert set(grounds.modules()) <= set(forkserver._forkserver._preload_modules)  # type: ignore[attr-defined]  # see above
