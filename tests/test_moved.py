"""Where modules were before."""

from __future__ import annotations

import importlib
import importlib.util

import pytest

from harness.moved import MOVED, NAMES, advice


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_what_has_moved_is_gone_and_the_new_place_is_there(old: str, new: str) -> None:
    """No old name is a module any more, but where it is a folder now; every new one is."""
    assert importlib.util.find_spec(f"harness.{new}") is not None
    home = f"harness.{old}"
    try:
        spec = importlib.util.find_spec(home)
    except ModuleNotFoundError:
        return  # its folder is gone as well
    assert spec is None or spec.submodule_search_locations


@pytest.mark.parametrize(("old", "new"), NAMES.items())
def test_every_name_is_where_it_is_said_to_be(old: tuple[str, str], new: str) -> None:
    """The class or function can be imported from there."""
    module, _, alias = new.partition(" (")
    assert hasattr(importlib.import_module(f"harness.{module}"), alias.rstrip(")") or old[1])


def test_the_sentence_names_both_places() -> None:
    """Of a module and of a name; of what never was there nothing is said."""

    def raised(statement: str) -> Exception:
        with pytest.raises(ImportError) as caught:
            exec(statement)  # noqa: S102 - the statement of somebody's package
        return caught.value

    moved = advice(raised("import harness.files"))
    assert moved == "harness.files is in harness.system.files now: import it from there"
    assert "session" in advice(raised("from harness.databases.sqlite import connect"))
    assert "durable" in advice(raised("from harness.databases.sqlite import make_durable"))
    assert advice(raised("import harness.never_was")) == ""
    assert advice(raised("import nothing_there")) == ""
    assert advice(KeyError("harness.files")) == ""
