"""What is drawn."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mutation.sampling import ROOMS, sample, shares
from tests.mutation.test_choosing import ROOT


@pytest.mark.long
def test_a_seed_draws_the_same_again() -> None:
    """The same seed the same defects, another one others; none two of one line, all in the text."""
    drawn = sample(ROOT, ROOMS, 60, 1)
    assert drawn == sample(ROOT, ROOMS, 60, 1)
    assert {str(one) for one in drawn} != {str(one) for one in sample(ROOT, ROOMS, 60, 2)}
    assert len({(one.path, one.mutant.line) for one in drawn}) == 60
    assert {one.path.split("/")[1] for one in drawn} == set(ROOMS)


def test_rooms_have_their_share(tmp_path: Path) -> None:
    """A room of three times the lines has three times the defects."""
    for room, lines in (("small", 10), ("large", 30)):
        folder = tmp_path / "harness" / room / "inside"
        folder.mkdir(parents=True)
        (folder / "x.py").write_text("x = 1\n" * lines)
    drawn = sample(tmp_path, ("small", "large"), 20, 1)
    assert Counter(one.path.split("/")[1] for one in drawn) == {"small": 5, "large": 15}
    (tmp_path / "harness" / "none").mkdir()
    with pytest.raises(ValueError, match="none can take a defect"):
        sample(tmp_path, ("none", "small"), 3, 1)


@given(
    st.dictionaries(st.text(), st.integers(1, 5000), min_size=1, max_size=6), st.integers(0, 500)
)
def test_shares_add_up(lines: dict[str, int], size: int) -> None:
    """All are given out, and none gets one more or less than its share."""
    found = shares(lines, size)
    assert sum(found.values()) == size
    for name, count in lines.items():
        assert abs(found[name] - size * count / sum(lines.values())) < 1 + 1e-9
