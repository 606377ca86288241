"""Parts of one run are told from those of another, and all of a run from less."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.results.merging import alike
from tests.results.merging.folders import VERSIONS, parts, rewritten, shard


def test_parts_of_one_run_are_alike(folder: Path) -> None:
    """Whatever machine they ran on, and whenever."""
    first = shard(folder / "a", range(5))
    second = shard(folder / "b", range(5, 9), machine={"cpu": "another"}, workers=7)
    alike.refuse_others(parts([first, second]))
    alike.refuse_revisions(parts([first, second]))
    alike.refuse_gaps(parts([first, second]))
    assert alike.totals(parts([first, second])) == {"one": 9, "two": 9}


@pytest.mark.parametrize(
    ("other", "match"),
    [
        ({"versions": VERSIONS | {"numpy": "3"}}, r'other versions \(versions.numpy "2" -> "3"\)'),
        ({"rates": {"simple": 0.2}}, "other rates .* by --rates-of"),
        ({"baselines": {"one": "x", "two": "z"}}, "another baseline .* Bring the same database"),
        ({"fingerprint": "x"}, "another experiment"),
    ],
)
def test_a_part_of_another_run_is_refused(folder: Path, other: dict[str, Any], match: str) -> None:
    """Versions, rates, baselines, experiments: with what differs, and what to do."""
    baselines = {"one": "x", "two": "y"}
    made = [
        shard(folder / "a", range(5), baselines=baselines),
        shard(folder / "b", range(5, 9), **({"baselines": baselines} | other)),
    ]
    with pytest.raises(UsageError, match=match):
        alike.refuse_others(parts(made))


def test_other_claims_are_another_experiment(folder: Path) -> None:
    """Which claim is judged may not be chosen once cycles have been seen."""
    made = [shard(folder / "a", range(5)), shard(folder / "b", range(5, 9))]
    configured = parts(made)[1].run["configured"]
    configured["conditions"][0]["claims"] = ["reliability >= 0.1"]
    rewritten(made[1], configured=configured)
    with pytest.raises(UsageError, match=r"another experiment .*claims.*0.5.*0.1"):
        alike.refuse_others(parts(made))


def test_revisions_are_compared_where_both_are_known(folder: Path) -> None:
    """A wheel does not say which it is of."""
    revisions = ("x", None, "x", "y")
    made = [
        shard(folder / str(number), range(number, number + 1), revision=revision)
        for number, revision in enumerate(revisions)
    ]
    alike.refuse_revisions(parts(made[:3]))
    with pytest.raises(UsageError, match=r"another revision of the harness \(x -> y\)"):
        alike.refuse_revisions(parts(made))


def test_a_folder_is_named_once(folder: Path) -> None:
    """However it is written."""
    alike.refuse_twice([folder / "a", folder / "b"])
    with pytest.raises(UsageError, match="named twice"):
        alike.refuse_twice([folder / "a", folder / "b" / ".." / "a"])


def test_what_is_missing_is_named(folder: Path) -> None:
    """With the command for the first of it; a part that is within another is no harm."""
    spans = (range(4, 6), range(9, 12), range(4, 5))
    made = [shard(folder / str(number), span) for number, span in enumerate(spans)]
    match = "none of these folders: cycles 0 to 3, cycles 6 to 8. .* --cycles 0-3 --rates-of"
    with pytest.raises(UsageError, match=match):
        alike.refuse_gaps(parts(made))


spans = st.tuples(st.integers(0, 30), st.integers(1, 15)).map(lambda p: range(p[0], p[0] + p[1]))


@given(st.lists(spans, min_size=1, max_size=6))
def test_missing_cycles_are_those_of_no_part(there: list[range]) -> None:
    """For any ranges: what is missing and what is there are all cycles, and no cycle is both."""
    total = max(one.stop for one in there)
    missing = list(alike.missing_of(there, total))
    assert {n for one in missing for n in one} == set(range(total)) - {n for r in there for n in r}
    assert all(one.stop < other.start for one, other in pairwise(missing))
