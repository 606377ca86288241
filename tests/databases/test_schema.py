from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from harness.databases.schema import ForeignKey


@pytest.mark.parametrize(
    ("on_delete", "restricts"),
    [
        ("RESTRICT", True),
        ("NO ACTION", True),
        ("CASCADE", False),
        ("SET NULL", False),
        ("SET DEFAULT", False),
    ],
)
def test_what_keeps_a_parent(on_delete: str, restricts: bool) -> None:
    """RESTRICT and NO ACTION do, deferred or not; whatever changes the child does not."""
    key = ForeignKey("child", ("p",), "parent", ("id",), on_delete, deferred=True)
    assert key.restricts is restricts


def test_what_was_read_stays_as_it_was_read() -> None:
    """Nobody who is given a schema can change it for the others."""
    key = ForeignKey("child", ("p",), "parent", ("id",), "CASCADE", deferred=False)
    with pytest.raises(FrozenInstanceError):
        key.parent = "other"  # type: ignore[misc]  # the refusal is what is tested
