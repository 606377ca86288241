import json
from uuid import UUID

import pytest

from harness.test_rows.words import SIZE, kind_of, pool


@pytest.mark.parametrize(
    ("name", "declared", "kind"),
    [
        ("Email", "VARCHAR(60)", "email"),
        ("createdAt", "TEXT", "datetime"),
        ("BirthDate", "TEXT", "date"),
        ("x", "TIMESTAMP", "datetime"),
        ("ContactName", "TEXT", "name"),
        ("password_digest", "TEXT", "token"),
        ("profile_url", "TEXT", "url"),
        ("whatever", "TEXT", "word"),
    ],
)
def test_kinds(name: str, declared: str, kind: str) -> None:
    """A column's name, in either way of writing, and its type say what people write there."""
    assert kind_of(name, declared) == kind


def test_pools_are_the_same_in_every_process() -> None:
    """The same seed makes the same pool, another seed another; what they are is what is said."""
    for kind in ("email", "title", "uuid", "json", "datetime", "sentence", "locale"):
        first = pool(kind, 1)
        pool.cache_clear()
        assert pool(kind, 1) == first
        assert pool(kind, 2) != first
        assert len(first) == SIZE
    assert all(UUID(one) for one in pool("uuid", 1))
    assert all(json.loads(one) for one in pool("json", 1))
