"""Distributions of other people's, installed for the time of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import registry
from harness.databases import engines


@contextmanager
def installed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, version: str, points: str
) -> Iterator[None]:
    """Install one in ``folder`` that offers what this text of ``entry_points.txt`` names."""
    metadata = folder / f"{name}-{version}.dist-info"
    metadata.mkdir()
    told = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (metadata / "METADATA").write_text(told)
    (metadata / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(folder))
    _forget()
    yield
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    registry.find.cache_clear()
    registry.names.cache_clear()
    engines._of_scheme.cache_clear()
