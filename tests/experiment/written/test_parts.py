from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from harness.experiment.written.parts import Name, Number, Part, Whole, named


class Table(Part):
    """A table as a file might have it."""

    count: Whole = 1


def test_a_table_knows_all_its_keys_and_never_changes() -> None:
    """A key that nobody knows is refused, and so is a change."""
    with pytest.raises(ValidationError, match="Extra inputs"):
        Table.model_validate({"cuont": 2})
    with pytest.raises(ValidationError, match="frozen"):
        Table().count = 2


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [(Whole, 3, 3.0), (Whole, 0, True), (Number, 0.5, "0.5"), (Number, 1, float("nan")),
     (Name, "a name", "two\nlines"), (Name, "x", "")],
)  # fmt: skip
def test_nothing_is_guessed(kind: object, right: object, wrong: object) -> None:
    """A number is a number and a name is one line: nothing is turned into what was meant."""
    adapter: TypeAdapter[object] = TypeAdapter(kind)
    assert adapter.validate_python(right) == right
    with pytest.raises(ValidationError):
        adapter.validate_python(wrong)


def test_only_known_names() -> None:
    """What the registry does not know is refused with the nearest that it does."""
    check = named("recovery").func
    assert check("wal_pin") == "wal_pin"  # type: ignore[call-arg]  # pydantic's is a union
    with pytest.raises(ValueError, match="did you mean 'wal_pin'"):
        check("walpin")  # type: ignore[call-arg]  # as above
