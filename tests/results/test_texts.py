"""Texts say what a list of them does, and keep each distinct one once."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.results import checksums
from harness.results.texts import Texts

columns = st.lists(st.none() | st.sampled_from(["", "a", "b", "a lone \ud800", "n" * 40]))


@given(columns)
def test_they_are_the_list_that_they_were_made_of(values: list[str | None]) -> None:
    """Whole, cycle by cycle, counted, and by the numbers that checksums are made of."""
    texts = Texts.of(values)
    assert texts.tolist() == list(texts) == values
    assert [texts[place] for place in range(len(texts))] == values
    assert texts.known.tolist() == [value is not None for value in values]
    assert texts.counts() == Counter(value for value in values if value is not None)
    np.testing.assert_array_equal(texts.numbers(), checksums.of_texts(values))
    assert len(texts.words) == len(set(values) - {None})


@given(columns, st.data())
def test_a_part_is_the_part_of_the_list(values: list[str | None], data: st.DataObject) -> None:
    """Picked by a mask, and counted without what the part has not."""
    mask = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    part = Texts.of(values)[np.array(mask, dtype=bool)]
    kept = [value for value, there in zip(values, mask, strict=True) if there]
    assert part.tolist() == kept
    assert part.counts() == Counter(value for value in kept if value is not None)


@given(st.lists(columns))
def test_joined_they_are_one_after_another(parts: list[list[str | None]]) -> None:
    """Each part has words of its own, in an order of its own."""
    whole = Texts.joined([Texts.of(part) for part in parts])
    assert whole.tolist() == [value for part in parts for value in part]
    assert len(whole.words) == len(set(whole.words))
