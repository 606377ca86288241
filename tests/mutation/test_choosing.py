"""Which tests are run for a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutation.choosing import stages, twins

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.long
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


def test_the_order_in_a_small_checkout(tmp_path: Path) -> None:
    """The same four steps, where three modules are all there is."""
    sources = {
        "harness/low/part.py": "",
        "harness/low/user.py": "from harness.low import part",
        "harness/high/other.py": "from harness.low.part import it",
        "harness/high/far.py": "import os",
        "tests/low/test_part.py": "",
        "tests/low/test_user.py": "",
        "tests/high/test_other.py": "",
        "tests/high/test_far.py": "",
        "tests/high/test_whole.py": "import harness.low.part",
    }
    for name, source in sources.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    assert stages(tmp_path, "harness/low/part.py") == [
        ["tests/low/test_part.py"],
        ["tests/high/test_other.py", "tests/high/test_whole.py", "tests/low/test_user.py"],
        ["tests/low"],
        ["tests/high"],
    ]


def test_a_package_has_the_test_of_its_name() -> None:
    """And a module without a test of its own has none."""
    assert twins(ROOT, "harness/recovery/__init__.py") == ["tests/recovery/test_recovery.py"]
    assert twins(ROOT, "harness/recovery/sqlite/__init__.py") == []
    assert twins(ROOT, "tests/databases/guarded.py") == []
