"""Experiment files: what is accepted, and what exactly is said of what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.claims import MEASURES
from harness.errors import ConfigurationError
from harness.experiment.configuration import (
    Claim,
    Condition,
    Experiment,
    FaultSetting,
    SetBy,
    load,
    parse_claim,
    schema,
)

Write = Callable[[str], Path]

GOOD = """\
name = "good"
cycles = 100

[defaults]
demands = "rows"
recoveries = ["file_copy"]
retry.attempts = 2

[defaults.workload]
test_data = "simple"

[defaults.faults.noop]
rate = 0.5
lasting = { attempt = 1, phase = 3 }

[[conditions]]
name = "one"

[[conditions]]
name = "two"
cycles = 7
claims = ["reliability >= 0.999"]
workload.size_bytes = 4194304

[conditions.faults.noop]
rate = { set_by = "half", times = 0.5 }

[calibrations.half]
target = 0.5
condition = "two"

[[rows]]
claim = "works"
claimed = "95%"
condition = "two"
at_least = 0.95
"""


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """Write an experiment file."""

    def write(text: str) -> Path:
        path = tmp_path / "experiment.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refusal(path: Path, *overrides: str) -> str:
    """Load what cannot be loaded; return what is said."""
    with pytest.raises(ConfigurationError) as caught:
        load(path, overrides)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_defaults_lie_under_every_condition_key_by_key(written: Write) -> None:
    """A condition keeps every default it does not set itself, also inside tables."""
    one, two = load(written(GOOD)).conditions
    assert (one.cycles, two.cycles) == (100, 7)
    assert one.demands == two.demands == "rows"
    assert one.retry.attempts == two.retry.attempts == 2
    assert two.workload.size_bytes == 4194304
    assert two.workload.test_data == "simple"
    assert one.faults["noop"] == FaultSetting(rate=0.5, lasting={"attempt": 0.25, "phase": 0.75})
    assert two.faults["noop"].lasting == {"attempt": 0.25, "phase": 0.75}
    assert two.faults["noop"].rate == SetBy(set_by="half", times=0.5)


def test_calibrated_rates_become_plain_numbers(written: Write) -> None:
    """Resolving puts the solved rate times the factor in place, and never beyond 1."""
    experiment = load(written(GOOD))
    assert experiment.resolved({"half": 0.2}).conditions[1].rates() == {"noop": 0.1}
    assert experiment.resolved({"half": 4.0}).conditions[1].rates() == {"noop": 1.0}
    with pytest.raises(ConfigurationError, match="still to be set by calibration 'half'"):
        experiment.conditions[1].rates()


def test_json_gives_the_same_experiment_back(written: Write) -> None:
    """What run.json keeps is the whole experiment."""
    experiment = load(written(GOOD))
    assert Experiment.from_json(json.loads(json.dumps(experiment.to_json()))) == experiment
    with pytest.raises(ConfigurationError, match="conditions"):
        Experiment.from_json({"name": "x"})


def test_each_multiplies_a_condition(written: Write) -> None:
    """Every combination of values is one condition, its name ending in the values."""
    text = """
name = "many"
[[conditions]]
name = "base"
each = { policy = ["cleanup_only", "hybrid_trusting"], workload.size_bytes = [8192, 16384] }
"""
    conditions = load(written(text)).conditions
    assert [(c.name, c.policy, c.workload.size_bytes) for c in conditions] == [
        ("base/cleanup_only/8192", "cleanup_only", 8192),
        ("base/cleanup_only/16384", "cleanup_only", 16384),
        ("base/hybrid_trusting/8192", "hybrid_trusting", 8192),
        ("base/hybrid_trusting/16384", "hybrid_trusting", 16384),
    ]


def test_overrides_are_toml_values_or_bare_words(written: Write) -> None:
    """--set reaches the top, the defaults and a condition by name."""
    experiment = load(
        written(GOOD),
        ["seed=5", "defaults.policy=hybrid_trusting", "conditions.two.workload.size_bytes=8192"],
    )
    assert experiment.seed == 5
    assert [c.policy for c in experiment.conditions] == ["hybrid_trusting"] * 2
    assert experiment.conditions[1].workload.size_bytes == 8192


# What is planted in GOOD: (text to replace, by what, everything that has to be said)
PLANTED = {
    "misspelt key": ("retry.attempts", "retry.atempts", [":7:", "retry.atempts", "'attempts'"]),
    "misspelt top key": ("cycles = 100", "cicles = 100", [":2: cicles", "'cycles'"]),
    "wrong type": ("cycles = 7", 'cycles = "7"', [":21: condition 'two': cycles: must be an int"]),
    "yes is no number": ("retry.attempts = 2", "retry.attempts = true", ["retry.attempts", "True"]),
    "rate too high": ("rate = 0.5", "rate = 1.5", [":13:", "'one'", "faults.noop.rate", "1.5"]),
    "rate negative": ("rate = 0.5", "rate = -0.1", ["faults.noop.rate", "-0.1"]),
    "rate no number": ("rate = 0.5", 'rate = "often"', ["faults.noop.rate", "number", "'often'"]),
    "lasting": ("phase = 3", "phasse = 3", ["lasting", "'phasse'", '"phase"']),
    "lasting sums to 0": ("{ attempt = 1, phase = 3 }", "{ phase = 0 }", ["more than 0"]),
    "unknown fault": ("defaults.faults.noop", "defaults.faults.nop", ["'nop'", "'noop'?"]),
    "unknown recovery": ('["file_copy"]', '["file_cpy"]', ["recoveries.0", "'file_copy'?"]),
    "no recovery": ('["file_copy"]', "[]", ["recoveries", "at least 1"]),
    "unknown policy": ('demands = "rows"', 'policy = "hybrid"', ["policy", "hybrid_trusting"]),
    "unknown cleanup": ('demands = "rows"', 'cleanup = "sequel"', ["cleanup", "'sql'"]),
    "unknown workload": ("[defaults.workload]", '[defaults.workload]\nkind = "platfrm"',
                         [":10:", "workload.kind", "'platform'?"]),
    "unknown test data": ('test_data = "simple"', 'test_data = "simpel"', ["'simple'?"]),
    "same name twice": ('"two"\ncycles', '"one"\ncycles', [":20:", "two conditions", "'one'"]),
    "claim unreadable": (">= 0.999", "> 0.999", ["claims.0", "reliability >= 0.999"]),
    "claim of 1": (">= 0.999", ">= 1.0", ["claims.0", "exactly 1"]),
    "claim on nothing": ('"reliability >=', '"relyability >=', ["'reliability'?"]),
    "row of nobody": ('condition = "two"\nat_', 'condition = "tow"\nat_', ["rows.0.condition",
                      "'two'?"]),
    "calibration of nobody": ('0.5\ncondition = "two"', '0.5\ncondition = "tow"', [":30:",
                              "calibrations.half.condition", "'two'?"]),
    "calibration of nothing": ('0.5\ncondition = "two"', '0.5\ncondition = "one"', [
                               "no fault of 'one' has its rate set by 'half'"]),
    "set by nobody": ('"half", times', '"haf", times', ["faults.noop.rate", "'half'?"]),
    "no cycles": ("cycles = 7", "cycles = 0", [":21:", "cycles", "greater than or equal to 1"]),
    "name missing": ('name = "one"', "", ["condition 0", "name", "is missing"]),
    "name in defaults": ('demands = "rows"', 'name = "rows"', ["defaults.name", "its own"]),
    "row with a misspelt key": ("at_least", "atleast", ["rows.0.atleast", "'at_least'"]),
    "not TOML": ("cycles = 100", "cycles = = 100", ["not TOML", "line 2"]),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), PLANTED.values(), ids=PLANTED)
def test_each_mistake_is_named(written: Write, old: str, new: str, said: list[str]) -> None:
    """Each mistake is refused with its file, place, what is wrong, and the nearest choice."""
    assert GOOD.count(old) >= 1
    path = written(GOOD.replace(old, new, 1))
    message = refusal(path)
    for part in [str(path), *said]:
        assert part in message


def test_a_fault_that_can_never_strike_is_refused(written: Write) -> None:
    """A rate above 0 where the fault has no opportunity is a mistake; a rate of 0 is none."""
    text = GOOD.replace("noop", "foreign_key") + '[[conditions]]\nname = "three"\n'
    path = written(text + 'policy = "restore_only"\n')
    message = refusal(path)
    assert "condition 'three': faults.foreign_key.rate" in message
    assert "can never strike here: the policy runs no cleanup" in message
    load(written(text + 'policy = "restore_only"\nfaults.foreign_key.rate = 0\n'))


def test_no_conditions_are_refused(written: Write) -> None:
    """An experiment without a condition measures nothing."""
    assert "at least one [[conditions]]" in refusal(written('name = "empty"\nconditions = []\n'))
    assert "conditions" in refusal(written('name = "empty"\n'))
    assert "[[conditions]]" in refusal(written('name = "empty"\nconditions = 3\n'))


def test_all_mistakes_are_said_at_once(written: Write) -> None:
    """Nobody should need as many tries as there are mistakes."""
    text = GOOD.replace("retry.attempts", "retry.atempts").replace("cycles = 7", "cycles = 0")
    message = refusal(written(text))
    assert "atempts" in message
    assert "greater than or equal to 1" in message


def test_mistakes_on_the_command_line_are_named_as_such(written: Write) -> None:
    """What --set brought in is not looked for in the file."""
    path = written(GOOD)
    assert "(by --set)" in refusal(path, "defaults.retry.attempts=0")
    assert "must be KEY=VALUE" in refusal(path, "nothing")
    assert "there is no 'three'" in refusal(path, "conditions.three.cycles=1")
    assert "'name' is not a table" in refusal(path, "name.first=1")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A path that leads nowhere is a mistake of the caller's."""
    assert "nowhere.toml: cannot be read" in refusal(tmp_path / "nowhere.toml")


def test_each_must_hold_lists(written: Write) -> None:
    """A value that is no list, or an empty one, would silently drop the condition."""
    text = 'name = "x"\n[[conditions]]\nname = "base"\neach = { policy = %s }\n'
    for value in ("[]", '"cleanup_only"'):
        assert ":4: condition 'base': each: must map" in refusal(written(text % value))


@given(st.floats(min_value=1e-6, max_value=1 - 1e-6), st.sampled_from(["", " ", "  "]))
def test_a_claim_survives_being_written(at_least: float, blank: str) -> None:
    """A claim reads the same whatever the blanks, to the last digit."""
    text = f"data_safety{blank}>={blank}{at_least!r}"
    assert parse_claim(text) == Claim("data_safety", at_least)


@given(
    st.dictionaries(
        st.sampled_from(["attempt", "phase", "cycle"]), st.floats(0.01, 100), min_size=1
    )
)
def test_weights_sum_to_one(weights: dict[str, float]) -> None:
    """Weights are shares, in proportion as written."""
    shares = FaultSetting(rate=0.1, lasting=weights).lasting
    assert sum(shares.values()) == pytest.approx(1)
    first = next(iter(shares))
    assert all(
        shares[key] / shares[first] == pytest.approx(weights[key] / weights[first])
        for key in weights
    )


def test_measures_of_rows_are_those_that_are_evaluated(written: Write) -> None:
    """A row may name every measure there is, and no other."""
    for measure in MEASURES:
        text = GOOD.replace('claimed = "95%"', f'claimed = "95%"\nmeasure = "{measure}"')
        assert load(written(text)).rows[0].measure == measure
    text = GOOD.replace('claimed = "95%"', 'claimed = "95%"\nmeasure = "reliabilty"')
    assert "'reliability'?" in refusal(written(text))


def test_the_schema_knows_every_key() -> None:
    """An editor that follows the schema accepts what the loader accepts."""
    made = schema()
    assert json.loads(json.dumps(made)) == made
    assert set(Condition.model_fields) - {"name"} == set(
        made["properties"]["defaults"]["properties"]
    )
    assert "each" in made["$defs"]["Condition"]["properties"]


def test_one_mistake_is_one_line(written: Write) -> None:
    """What follows from a mistake is not said as another mistake, nor in Python's words."""
    for old, new, said in (
        ("rate = 0.5", "rate = 1.5", "less than or equal to 1"),
        ('["file_copy"]', '["file_cpy"]', "no recovery is called"),
        ('["file_copy"]', '"file_copy"', "must be a list"),
        ("cycles = 100", 'cycles = "100"', "must be an integer"),
        ('name = "good"', 'name = "a/b"', "must be letters"),
    ):
        text = GOOD.replace(old, new, 1)
        text = text[: text.index("[[conditions]]")] + '[[conditions]]\nname = "one"\n'
        message = refusal(written(text))
        assert said in message
        assert len(message.splitlines()) == 1


def test_a_chain_that_can_never_back_up_is_refused(written: Write) -> None:
    """wal_pin alone on a rollback-mode baseline would only ever refuse: said before it runs."""
    text = """
name = "x"
[[conditions]]
name = "one"
recoveries = ["wal_pin"]
workload.journal_mode = "delete"
"""
    with pytest.raises(ConfigurationError, match=r"wal_pin cannot back up .* 'delete'"):
        load(written(text))
    chained = text.replace('["wal_pin"]', '["wal_pin", "file_copy"]')
    assert load(written(chained)).conditions[0].recoveries == ("wal_pin", "file_copy")
