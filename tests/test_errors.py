"""The errors of the package."""

from __future__ import annotations

import inspect

import pytest

from harness import errors

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.HarnessError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_in_the_tree_that_is_drawn(kind: type[errors.HarnessError]) -> None:
    """The tree in the module's docstring names every error there is."""
    assert kind.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize(
    ("kind", "status"),
    [(errors.ConfigurationError, 2), (errors.UnknownName, 2), (errors.MeasurementError, 4)],
)
def test_each_kind_has_the_exit_status_of_its_family(
    kind: type[errors.HarnessError], status: int
) -> None:
    """What was asked for wrongly is 2, a failed instrument is 4: never the same number."""
    assert kind.exit_code == status


def test_the_text_of_an_error_speaks_to_no_terminal() -> None:
    """Its lines are its own, and what a name in it would do is written out."""
    error = errors.UsageError("\x1b[2J is a folder\n::error::x")
    assert str(error) == "\\x1b[2J is a folder\n\\x3a:error::x"
