"""Which tests are run for a file."""

from __future__ import annotations

from pathlib import Path

from tests.mutation.choosing import stages, twins

ROOT = Path(__file__).resolve().parents[2]


def test_its_own_test_first_then_who_uses_it_then_rooms() -> None:
    """In a checkout as it is: the twin, the twins of what imports it, its room, the others'."""
    own, near, room, neighbours = stages(ROOT, "harness/databases/errors.py")
    assert own == ["tests/databases/test_errors.py"]
    assert {"tests/databases/sqlite/test_files.py", "tests/guard/test_attempts.py"} <= {*near}
    assert own[0] not in near
    assert room == ["tests/databases"]
    assert "tests/guard" in neighbours
    assert "tests/databases" not in neighbours
    assert all((ROOT / name).exists() for name in [*own, *near, *room, *neighbours])


def test_a_package_has_the_test_of_its_name() -> None:
    """And a module without a test of its own has none."""
    assert twins(ROOT, "harness/recovery/__init__.py") == ["tests/recovery/test_recovery.py"]
    assert twins(ROOT, "harness/recovery/sqlite/__init__.py") == []
    assert twins(ROOT, "tests/databases/guarded.py") == []
