"""The file beneath an experiment: merging, multiplying, and where a key stands."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness.experiment.written.document import Document, Problem, merged, nearest

keys = st.text("abc", min_size=1, max_size=2)
tables = st.recursive(
    st.dictionaries(keys, st.integers(), max_size=3),
    lambda inner: st.dictionaries(keys, inner | st.integers(), max_size=3),
    max_leaves=8,
)


@given(tables, tables)
def test_what_lies_above_wins_key_by_key(under: dict, over: dict) -> None:
    """Every value of the upper table is in the result, and all that it does not touch below."""
    before = (repr(under), repr(over))
    result = merged(under, over)
    assert (repr(under), repr(over)) == before
    assert merged(result, over) == result
    for key in {*under, *over}:
        if key not in over:
            assert result[key] == under[key]
        elif isinstance(over[key], dict) and isinstance(under.get(key), dict):
            assert result[key] == merged(under[key], over[key])
        else:
            assert result[key] == over[key]


def test_a_rate_and_its_lasting_are_replaced_whole() -> None:
    """Weights of the defaults must not mix with a condition's own."""
    under = {"noop": {"rate": {"set_by": "x", "times": 2}, "lasting": {"attempt": 1, "phase": 1}}}
    over = {"noop": {"rate": {"set_by": "y"}, "lasting": {"cycle": 1}}}
    assert merged(under, over) == over


def test_a_key_is_found_where_it_stands(tmp_path: Path) -> None:
    """In a table of its own, dotted, or in braces; in the defaults when the condition has none."""
    path = tmp_path / "x.toml"
    path.write_text(
        "[defaults]\npolicy = 1\nretry.attempts = 2\n[[conditions]]\nname = 'a'\n"
        "workload = { kind = 1, size_bytes = 2 }\n[conditions.faults.noop]\nrate = 3\n"
    )
    document = Document.read(path)
    for key, line in {
        ("name",): 5,
        ("workload", "size_bytes"): 6,
        ("faults", "noop", "rate"): 8,
        ("faults", "noop", "lasting"): 7,
        ("policy",): 2,
        ("retry", "attempts"): 3,
        ("cleanup",): 4,
    }.items():
        problem = Problem(("conditions", 0, *key), "planted")
        assert str(document.error([problem])).startswith(f"{path}:{line}: condition 0:"), key


def test_a_dotted_key_is_the_place_of_its_tables(tmp_path: Path) -> None:
    """What is wrong with a table that only dotted keys name is found where it is first named."""
    path = tmp_path / "x.toml"
    path.write_text(
        "[defaults]\nfaults.nope.rate = 1\nfaults.nope.burst = 2\n[[conditions]]\nname = 'a'\n"
        "each = { 'faults.noop.rate' = [1] }\n"
    )
    document = Document.read(path)
    for key, line in {("faults", "nope"): 2, ("faults", "noop"): 6}.items():
        problem = Problem(("conditions", 0, *key), "planted")
        assert str(document.error([problem])).startswith(f"{path}:{line}: "), key


def test_a_swept_key_is_found_on_its_axis(tmp_path: Path) -> None:
    """Quoted, dotted or with a wildcard: its values replace what else is written of that key."""
    path = tmp_path / "x.toml"
    path.write_text(
        "[defaults]\nfaults.timeout.rate = 1\n[[conditions]]\nname = 'a'\n[conditions.each]\n"
        "'faults.*.rate' = [1]\nretry.attempts = [2]\n[conditions.faults.noop]\nrate = 3\n"
        "[[conditions]]\neach = { 'faults.*.rate' = [2] }\n"
    )
    document = Document.read(path)
    for keys, line in {
        (0, "faults", "noop", "rate"): 6,
        (0, "faults", "timeout", "rate"): 6,
        (0, "faults", "noop", "lasting"): 8,
        (0, "retry", "attempts"): 7,
        (0, "each", "faults", "*", "rate"): 6,
        (1, "faults", "timeout", "rate"): 11,
    }.items():
        problem = Problem(("conditions", *keys), "planted")
        assert str(document.error([problem])).startswith(f"{path}:{line}:"), keys


def test_tables_in_lists_are_numbered_within_their_table(tmp_path: Path) -> None:
    """Each [[conditions]] counts its own lists anew; the defaults have theirs."""
    path = tmp_path / "x.toml"
    path.write_text(
        "[[defaults.strikes]]\non = 1\n"
        "[[conditions]]\n[[conditions.strikes]]\non = 2\n[[conditions.strikes]]\non = 3\n"
        "[conditions.faults.noop]\nrate = 4\n"
        "[[conditions]]\n[[conditions.strikes]]\non = 5\n[[conditions]]\n"
    )
    lines = Document.read(path).lines
    assert lines["defaults", "strikes", 0, "on"] == 2
    assert lines["conditions", 0, "strikes", 0, "on"] == 5
    assert lines["conditions", 0, "strikes", 1, "on"] == 7
    assert lines["conditions", 0, "faults", "noop", "rate"] == 9
    assert lines["conditions", 1, "strikes", 0, "on"] == 12
    document = Document.read(path)
    for key, line in {(0, 1, "on"): 7, (1, 0, "on"): 12, (1, 3): 10, (2, 0, "on"): 2}.items():
        problem = Problem(("conditions", key[0], "strikes", *key[1:]), "planted")
        assert str(document.error([problem])).startswith(f"{path}:{line}:"), key


def test_only_near_names_are_offered() -> None:
    """A hint that has nothing to do with what was written would mislead."""
    assert nearest("polcy", ["policy", "name"]) == "did you mean 'policy'? "
    assert nearest("xyz", ["policy", "name"]) == ""
