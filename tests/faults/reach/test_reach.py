"""What every reach promises, and how an engine's is found."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

from harness.databases.engines import engine_of
from harness.errors import UsageError
from harness.faults import reach
from harness.faults.reach.reach import Reach

ENGINES = [module.name for module in pkgutil.iter_modules(reach.__path__) if module.ispkg]


def test_a_reach_is_found_by_its_engines_name(folder: Path) -> None:
    """It touches nothing; an address of an engine that has none is refused."""
    found = reach.reach_of(folder / "any.db")
    name = engine_of(folder / "any.db").name
    assert type(found).__module__.startswith(f"{reach.__name__}.{name}.")
    assert found.connections == []
    assert list(folder.iterdir()) == []
    with pytest.raises(UsageError, match="faults reach no database of postgresql yet"):
        reach.reach_of("postgresql://u@h/d")  # type: ignore[arg-type]  # an address is a text


@pytest.mark.parametrize("engine", ENGINES)
def test_each_is_whole(engine: str) -> None:
    """Every engine's reach says how it does all that faults ask of one."""
    found = importlib.import_module(f"{reach.__name__}.{engine}").Reach
    assert issubclass(found, Reach)
    assert not found.__abstractmethods__
