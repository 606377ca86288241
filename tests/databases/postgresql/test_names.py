"""Names on a server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.databases.postgresql.names import MOST_BYTES, beside, literal, quoted
from tests.postgres import Databases

NAMES = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1
).filter(lambda name: len(name.encode()) <= MOST_BYTES)


@given(NAMES, NAMES)
def test_what_is_kept_beside_has_a_name_of_its_own(one: str, other: str) -> None:
    """It fits, it is not the database's own, and no two databases share one."""
    suffixes = ("_e2e_backup", "_e2e_spare")
    made = [beside(name, suffix) for name in {one, other} for suffix in suffixes]
    assert all(len(name.encode()) <= MOST_BYTES for name in made)
    assert len({*made, one, other}) == len(made) + len({one, other})


def test_a_long_name_keeps_its_beginning() -> None:
    """So that people see whose it is; what the server would cut off is told by a digest."""
    one, other = "app" * 21, "app" * 20 + "apq"
    assert beside(one, "_e2e_backup").startswith("appapp")
    assert beside(one, "_e2e_backup") != beside(other, "_e2e_backup")
    assert beside("app", "_e2e_backup") == "app_e2e_backup"


@pytest.mark.parametrize("name", ['a"b', "it's", "50%25", "a\\b", "x;DROP", "--force", "Ä ö"])
def test_quoted_a_name_is_itself(databases: Databases, name: str) -> None:
    """As an identifier and as a text, whatever stands in it."""
    ((as_name, as_text),) = databases.admin(
        f"SELECT (json_object_keys(row_to_json(t))) AS n, {literal(name)} FROM"
        f" (SELECT 1 AS {quoted(name)}) t"
    )
    assert (as_name, as_text) == (name, name)
