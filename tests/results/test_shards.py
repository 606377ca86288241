"""What a run's folder says of being a shard, and what is refused of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.results import shards


def test_a_shard_says_its_range() -> None:
    """As it is asked for, with both ends; a whole run has none."""
    run = shards.noted(range(100, 200))
    assert shards.range_of(run) == range(100, 200)
    assert shards.range_of({}) is None
    assert shards.asked(range(100, 200)) == "100-199"
    assert [shards.named(range(1000, 2000)), shards.named(range(3, 4))] == [
        "cycles 1,000 to 1,999", "cycle 3",
    ]  # fmt: skip


def test_a_shard_is_not_judged() -> None:
    """It is said how it will be; a whole run is let through."""
    with pytest.raises(UsageError, match=r"one is a shard, cycles 5 to 9 .* 'harness merge"):
        shards.refuse_to_judge(Path("one"), shards.noted(range(5, 10)))
    shards.refuse_to_judge(Path("one"), {})


@pytest.mark.parametrize(
    ("there", "asked", "match"),
    [
        (range(5, 10), range(5, 11), "holds a shard, cycles 5 to 9; go on with it by --cycles 5-9"),
        (range(5, 10), None, "go on with it by --cycles 5-9"),
        (None, range(5, 10), "holds a whole run and no shard; leave the range out"),
    ],
)
def test_a_shard_goes_on_with_its_own_cycles(
    there: range | None, asked: range | None, match: str
) -> None:
    """Another range, or none, is another run."""
    run = {} if there is None else shards.noted(there)
    with pytest.raises(UsageError, match=match):
        shards.refuse_to_go_on(Path("one"), run, asked)
    shards.refuse_to_go_on(Path("one"), run, there)


def test_machines_are_named_once_each() -> None:
    """In the order of the shards; of a run that was not merged there are none."""
    cpus = ({"cpu": "b"}, {"cpu": "a"}, {"cpu": "b"}, None)
    assert shards.machines({"shards": [{"machine": cpu} for cpu in cpus]}) == [
        {"cpu": "b"}, {"cpu": "a"},
    ]  # fmt: skip
    assert shards.machines({}) == []
    assert shards.merged_from({"shards": [{}, {}]}) == "2 shards"
    assert shards.merged_from({}) == ""
