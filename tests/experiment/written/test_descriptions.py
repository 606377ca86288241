"""The sentences about keys: each is of a key that there is, and reads as a sentence."""

from __future__ import annotations

from harness.experiment.written.descriptions import DESCRIPTIONS
from harness.experiment.written.schema import schema


def test_no_description_is_without_its_key() -> None:
    """Tables and keys are those of the schema, no more and no fewer."""
    made = schema()
    spaced = made["$defs"]["Each"]["additionalProperties"]["anyOf"][1]
    tables = {**made["$defs"], "Experiment": made, "Spaced": spaced}
    for name, keys in DESCRIPTIONS.items():
        assert set(keys) == set(tables[name]["properties"]), name
    others = [name for name, table in tables.items() if "properties" in table]
    assert sorted(others) == sorted(DESCRIPTIONS)


def test_they_are_sentences() -> None:
    """Each begins as one and ends with a full stop, so that an editor shows no fragments."""
    every = [words for keys in DESCRIPTIONS.values() for words in keys.values()]
    assert [words for words in every if not (words[0].isupper() and words.endswith("."))] == []
