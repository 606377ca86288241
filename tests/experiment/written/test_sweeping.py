"""How each multiplies a condition: lists, spaced axes, wildcards, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigurationError
from harness.experiment.written.configuration import Experiment, load
from harness.experiment.written.document import Problem
from harness.experiment.written.schema import schema
from harness.experiment.written.sweeping import axes, multiply, spaced

SWEPT = """
name = "swept"
[defaults]
recoveries = ["file_copy"]
faults.timeout.rate = 0.5
[[conditions]]
name = "base"
[conditions.each]
"faults.*.rate" = { from = 0.0005, to = 0.2, points = 7 }
policy = ["cleanup_only", "hybrid_verified"]
[conditions.faults.foreign_key]
rate = 1
"""
AXIS = '"faults.*.rate" = { from = 0.0005, to = 0.2, points = 7 }'


def read(folder: Path, text: str = SWEPT, *overrides: str) -> Experiment:
    """Load the experiment that ``text`` is."""
    folder.joinpath("e.toml").write_text(text)
    return load(folder / "e.toml", overrides)


def refused(folder: Path, text: str, *overrides: str) -> str:
    """Say why an experiment is refused."""
    with pytest.raises(ConfigurationError) as caught:
        read(folder, text, *overrides)
    return str(caught.value)


def test_multiplied_conditions_know_where_they_were_written() -> None:
    """Each combination points back to its own [[conditions]], and says where it stands."""
    problems: list[Problem] = []
    written = [{"name": "x"}, {"name": "y", "each": {"a": {"b": [1, 2]}, "c": [["p", "q"]]}}]
    conditions, sources = multiply(written, {"a": {"z": 0}}, problems)
    assert problems == []
    assert sources == [0, 1, 1]
    assert conditions[2] == {
        "a": {"z": 0, "b": 2},
        "name": "y/2/p+q",
        "c": ["p", "q"],
        "sweep": {"of": "y", "axes": {"a.b": 2, "c": ["p", "q"]}},
    }


def test_a_wildcard_is_every_fault_those_of_the_defaults_too(tmp_path: Path) -> None:
    """Both faults take each of the seven rates; names and the place in the sweep say which."""
    conditions = read(tmp_path).conditions
    rates = [0.0005, 0.00136, 0.00368, 0.01, 0.0271, 0.0737, 0.2]
    assert [c.rates() for c in conditions[::2]] == [
        {"timeout": rate, "foreign_key": rate} for rate in rates
    ]
    assert [c.name for c in conditions[:3]] == [
        "base/0.0005/cleanup_only", "base/0.0005/hybrid_verified", "base/0.00136/cleanup_only",
    ]  # fmt: skip
    assert conditions[3].sweep is not None
    assert (conditions[3].sweep.of, conditions[3].sweep.axes) == (
        "base",
        {"faults.*.rate": 0.00136, "policy": "hybrid_verified"},
    )
    assert Experiment.from_json(json.loads(json.dumps(read(tmp_path).to_json()))) == read(tmp_path)


def test_a_wildcard_sees_what_other_axes_bring(tmp_path: Path) -> None:
    """Faults that are swept themselves are matched, on whichever side they are written."""
    text = SWEPT.replace("policy =", "faults = [{ noop = { rate = 0 } }, {}]\npolicy =")
    kinds = [set(c.faults) for c in read(tmp_path, text).conditions[:4:2]]
    assert kinds == [{"timeout", "foreign_key", "noop"}, {"timeout", "foreign_key"}]
    assert set(read(tmp_path, text).conditions[0].rates().values()) == {0.0005}


def test_causes_are_matched_as_faults_are(tmp_path: Path) -> None:
    """The rate of every cause; a cause may have a name that spacing uses."""
    text = SWEPT.replace(AXIS, '"causes.*.rate" = [0.1, 0.3]') + (
        '[conditions.causes.to]\nrate = 0\nfaults = ["disk_full"]\n'
        '[conditions.causes.b]\nrate = 0\nfaults = ["timeout"]\n'
    )
    found = read(tmp_path, text).conditions
    assert [{k: c.rate for k, c in one.causes.items()} for one in found[::2]] == [
        {"to": 0.1, "b": 0.1},
        {"to": 0.3, "b": 0.3},
    ]
    named = text.replace('"causes.*.rate"', "causes.to.rate")
    assert read(tmp_path, named).conditions[2].causes["to"].rate == 0.3


@given(
    st.floats(1e-6, 1), st.floats(1.5, 1e4), st.integers(2, 12), st.sampled_from(["log", "linear"])
)
def test_spaced_values_rise_between_their_ends(
    start: float, times: float, points: int, scale: str
) -> None:
    """Ends as written, inner values of three digits, each within half a percent of its place."""
    stop = start * times
    values = spaced(start, stop, points, scale)
    assert (len(values), values[0], values[-1]) == (points, start, stop)
    for number, value in enumerate(values[1:-1], start=1):
        share = number / (points - 1)
        exact = start * times**share if scale == "log" else start + (stop - start) * share
        assert value == pytest.approx(exact, rel=0.0051)
        assert len(f"{value:e}".split("e")[0].rstrip("0").replace(".", "")) <= 3


def test_whole_numbers_stay_whole() -> None:
    """Sizes and attempts are whole; a rate from 0 to 1 is not, though both ends are."""
    found = axes({"a": {"from": 4096, "to": 150999040, "points": 4}})[0].values
    assert found == [4096, 136000, 4540000, 150999040]
    assert all(type(value) is int for value in found)
    linear = {"from": 0, "to": 1, "points": 3, "scale": "linear"}
    assert axes({"faults.*.rate": linear})[0].values == [0, 0.5, 1]


# What is planted in SWEPT: (text to replace, by what, where, everything that has to be said)
PLANTED = {
    "no causes": ('"faults.*.rate"', '"causes.*.rate"', ":9:",
                  ["each.causes.*.rate: matches nothing", "no causes", "it has faults"]),
    "misspelt": ('"faults.*.rate"', '"fauls.*.rate"', ":9:", ["no fauls", "'faults'?"]),
    "misspelt end": ('"faults.*.rate"', '"faults.*.rat"', ":", ["faults.timeout.rat", "'rate'?"]),
    "a list": ('"faults.*.rate"', '"recoveries.*.rate"', ":9:", ["recoveries is a list"]),
    "twice": ("policy =", '"faults.timeout.rate" = [0.1]\npolicy =', ":9:",
              ["sets faults.timeout.rate, as 'faults.timeout.rate' does"]),
    "spelt twice": ("policy =", "retry.attempts = [1]\n'retry.attempts' = [2]\npolicy =", ":1",
                    ["each.retry.attempts: is swept twice"]),
    "same value": (AXIS, '"faults.*.rate" = [0.1, 0.2, 0.1]', ":9:", ["has a value twice"]),
    "empty": (AXIS, '"faults.*.rate" = []', ":9:", ["each.faults.*.rate: must be a list"]),
    "an empty table": (AXIS, '"faults.*.rate" = {}', ":9:", ["from is missing"]),
    "no points": (", points = 7", "", ":9:", ["points is missing", "points = 5 }"]),
    "one point": ("points = 7", "points = 1", ":9:", ["rate.points: must be 2 to 100, not 1"]),
    "half points": ("points = 7", "points = 2.5", ":9:", ["must be 2 to 100, not 2.5"]),
    "from zero": ("from = 0.0005", "from = 0", ":9:", ["above 0 (or write scale = ", "not 0"]),
    "from a word": ("from = 0.0005", 'from = "low"', ":9:", ["rate.from: must be", "'low'"]),
    "falling": ("to = 0.2", "to = 0.0001", ":9:", ["to: must be more than from = 0.0005"]),
    "yes": ("to = 0.2", "to = true", ":9:", ["rate.to: must be more than", "not True"]),
    "infinite": ("to = 0.2", "to = inf", ":9:", ["rate.to: must be", "not inf"]),
    "scale": ("points = 7", 'points = 7, scale = "sqrt"', ":9:", ['"log" or "linear"', "'sqrt'"]),
    "unknown": ("points = 7", "points = 7, skale = 1", ":9:", ["skale: nobody knows", "'scale'?"]),
    "too fine": ("from = 0.0005, to = 0.2, points = 7", "from = 0.1, to = 0.101, points = 7",
                 ":9:", ["rate.points: gives a value twice", "ask for fewer"]),
    "beyond": ("to = 0.2", "to = 1.5", ":9:", ["faults.timeout.rate: must be less", "not 1.5"]),
    "not a table": ("[conditions.each]\n" + AXIS, "each = 3\n[conditions.none]", ":8:",
                    ["each: must map dotted keys to lists of values"]),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "where", "said"), PLANTED.values(), ids=PLANTED)
def test_each_mistake_is_named(
    tmp_path: Path, old: str, new: str, where: str, said: list[str]
) -> None:
    """Each mistake is refused with its line, the axis it is on, and what to write instead."""
    assert SWEPT.count(old) == 1
    message = refused(tmp_path, SWEPT.replace(old, new))
    assert f"e.toml{where}" in message
    for part in ["condition 'base", *said]:
        assert part in message


def test_the_command_line_reaches_axes_however_they_are_spelt(tmp_path: Path) -> None:
    """--set replaces a quoted axis, one key of a spaced one, and a mistake there is its own."""
    each = "conditions.base.each"
    one = read(tmp_path, SWEPT, f"{each}.faults.*.rate=[0.25]").conditions
    assert [c.name for c in one] == ["base/0.25/cleanup_only", "base/0.25/hybrid_verified"]
    two = read(tmp_path, SWEPT, f"{each}.faults.*.rate.points=2", f"{each}.policy=['cleanup_only']")
    assert [c.rates()["timeout"] for c in two.conditions] == [0.0005, 0.2]
    added = read(tmp_path, SWEPT, "conditions.0.each.retry.attempts=[1, 2]").conditions
    assert len(added) == 28
    wide = read(tmp_path, SWEPT, f"{each}.faults.*.rate={{ from = 0.1, to = 0.2, points = 2 }}")
    assert len(wide.conditions) == 4
    assert "each.faults.*.rate: must be a list" in refused(
        tmp_path, SWEPT, f"{each}.faults.*.rate=0.1"
    )
    assert "'policy' is not a table" in refused(
        tmp_path, SWEPT.replace('policy = ["c', 'policy = "x" #'), f"{each}.policy.x=1"
    )


def test_editors_know_how_an_axis_is_written() -> None:
    """The schema has lists, spaced axes and tables within tables, and no other value."""
    made = schema()
    each = made["$defs"]["Condition"]["properties"]["each"]
    assert {**each, "description": ""} == {"$ref": "#/$defs/Each", "description": ""}
    kinds: list[dict[str, Any]] = made["$defs"]["Each"]["additionalProperties"]["anyOf"]
    assert [kind.get("type", kind.get("$ref")) for kind in kinds] == [
        "array", "object", "#/$defs/Each",
    ]  # fmt: skip
    assert set(kinds[1]["properties"]) == {"from", "to", "points", "scale"}


def test_the_experiment_on_curves_sweeps_what_it_asks_about() -> None:
    """Every policy and every recovery is swept, all the faults of a condition at one rate."""
    path = Path(__file__).parents[3] / "experiments" / "curves.toml"
    conditions = load(path).conditions
    assert {c.policy for c in conditions} == {
        "cleanup_only", "restore_only", "hybrid_trusting", "hybrid_verified",
    }  # fmt: skip
    assert {c.recoveries for c in conditions} == {
        ("wal_pin",), ("online_backup",), ("file_copy",), ("online_backup", "file_copy"),
    }  # fmt: skip
    for one in conditions:
        assert one.sweep is not None
        assert set(one.rates().values()) == {one.sweep.axes["faults.*.rate"]}
