"""Experiment files: what is accepted, and what exactly is said of what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.analysis.claims import MEASURES
from harness.errors import ConfigurationError
from harness.experiment.written.configuration import (
    CauseSetting,
    Experiment,
    FaultSetting,
    SetBy,
    StrikeSetting,
    load,
)
from harness.results.folder import fingerprint
from tests.experiment.writing import BACKEND, read, refused

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
lasting = { attempt = 0.25, phase = 0.75 }

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
    "lasting": ("phase = 0.75", "phasse = 0.75", ["lasting", "'phasse'", '"phase"']),
    "lasting sums to 0": ("{ attempt = 0.25, phase = 0.75 }", "{ phase = 0 }", ["add up to 1"]),
    "lasting adds up to more": ("attempt = 0.25, phase = 0.75", "attempt = 0.5, phase = 0.6",
                                [":14:", "'one'", "faults.noop.lasting", "0.5 + 0.6 = 1.1"]),
    "confidence of a coin": ("cycles = 100", "cycles = 100\nconfidence = 0.5",
                             [":3: confidence", "more than 0.5", "0.95"]),
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
    "upper bound alone": ('condition = "two"\nat_least', 'condition = "two"\nat_most',
                          ["rows.0.at_most", "needs an at_least below it"]),
    "bounds the wrong way round": ("at_least = 0.95", "at_least = 0.95\nat_most = 0.9",
                                   ["rows.0.at_most", "needs an at_least below it"]),
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
        assert ":4: condition 'base': each.policy: must be a list" in refusal(written(text % value))


def test_measures_of_rows_are_those_that_are_evaluated(written: Write) -> None:
    """A row may name every measure there is, and no other."""
    for measure in MEASURES:
        text = GOOD.replace('claimed = "95%"', f'claimed = "95%"\nmeasure = "{measure}"')
        if measure == "bytes_added":  # judged by the figure in claimed, so it takes no bound
            assert "bytes_added is judged by the figure" in refusal(written(text))
            text = text.replace('condition = "two"\nat_least = 0.95', 'condition = "two"')
        assert load(written(text)).rows[0].measure == measure
    text = GOOD.replace('claimed = "95%"', 'claimed = "95%"\nmeasure = "reliabilty"')
    assert "'reliability'?" in refusal(written(text))


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


def test_one_mistake_in_the_defaults_is_one_line(written: Write) -> None:
    """However many conditions have it from there; what a condition says itself is its own."""
    text = """\
name = "many"
[defaults]
polcy = "hybrid_verified"
faults.nope.rate = 0.5
[[conditions]]
name = "a"
each = { "retry.attempts" = [1, 2, 3], policy = ["restore_only", "restore"] }
[[conditions]]
name = "b"
[[conditions]]
name = "c"
demands = "row"
"""
    path = written(text)
    lines = dict(line.removeprefix(f"{path}").split(": ", 1) for line in refusal(path).splitlines())
    assert set(lines) == {":3", ":4", ":7", ":12"}
    assert lines[":3"].startswith("defaults.polcy: nobody knows this key; did you mean 'policy'?")
    assert lines[":3"].endswith(" (in 'a/1/restore_only', 'a/1/restore' and 6 more conditions)")
    assert lines[":4"].startswith("defaults.faults.nope: no fault is called 'nope'")
    assert lines[":7"].startswith("condition 'a': policy: 'restore' is none of")
    assert lines[":7"].endswith(" (in 'a/1/restore', 'a/2/restore' and 'a/3/restore')")
    assert lines[":12"].startswith("condition 'c': demands: 'row' is none of")


def test_no_key_is_offered_that_no_file_may_say(written: Write) -> None:
    """What a run finds out by itself is in no list of known keys."""
    known = refusal(written(GOOD.replace("demands =", "demand =", 1))).partition("known: ")[2]
    assert "demands" in known
    assert "sweep" not in known


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


def test_everything_of_a_backend_can_be_said(tmp_path: Path) -> None:
    """Each key is read, with its default where it is left out, and JSON gives it all back."""
    path = tmp_path / "experiment.toml"
    path.write_text(BACKEND)
    experiment = load(path)
    (one,) = experiment.conditions
    assert (one.connection, one.cleanup, one.story) == ("backend", "api", True)
    assert (one.api.timeout_ms, one.api.backend_busy_timeout_ms, one.retry.jitter) == (
        60,
        1000,
        0.5,
    )
    assert one.faults["reset_before"].phases == ("create", "cleanup")
    assert one.faults["reset_before"].burst == 5
    assert one.strikes == (
        StrikeSetting(fault="reset_after", on="bots", number=2, attempts="all"),
        StrikeSetting(fault="io_error", phase="restore", on="online_backup"),
    )
    assert one.strikes[1].attempts == (1,)
    assert one.strikes[1].lasting == "attempt"
    disk = CauseSetting(rate=0.01, faults=("disk_full", "timeout"))
    assert one.causes == {"disk": disk}
    assert (disk.phases, disk.lasting) == (("cleanup", "restore"), {"phase": 1.0})
    assert Experiment.from_json(json.loads(json.dumps(experiment.to_json()))) == experiment


# What is planted in BACKEND: (text to replace, by what, the line, what has to be said)
MISTAKEN = {
    "connection": ('"backend"', '"bakend"', 5, "'bakend' is none of closed, held, backend; did"),
    "story": ("true", '"yes"', 13, "story: must be true or false, not 'yes'"),
    "jitter": ("0.5", "1.5", 7, "retry.jitter: must be less than or equal to 1"),
    "jitter negative": ("0.5", "-0.1", 7, "retry.jitter: must be greater than or equal to 0"),
    "jitter's name": ("jitter", "jiter", 7, "retry.jiter: nobody knows this key; did you mean"),
    "timeout": ("= 60", "= 0", 8, "api.timeout_ms: must be greater than 0, not 0"),
    "timeout endless": ("= 60", "= inf", 8, "api.timeout_ms: must be a finite number"),
    "timeout's name": ("timeout_ms", "timeout", 8, "api.timeout: nobody knows this key; did"),
    "busy": ("timeout_ms = 60", "backend_busy_timeout_ms = -1", 8, "greater than or equal to 0"),
    "busy whole": ("timeout_ms = 60", "backend_busy_timeout_ms = 1.5", 8, "must be an integer"),
    "burst": ("burst = 5", "burst = 0.5", 17, "before.burst: must be greater than or equal to 1"),
    "burst endless": ("burst = 5", "burst = inf", 17, "before.burst: must be a finite number"),
    "burst no number": ("burst = 5", 'burst = "x"', 17, "before.burst: must be a number"),
    "no such phase": ('"cleanup"]', '"cleanupp"]', 18, "did you mean 'cleanup'?"),
    "no phase": ('["create", "cleanup"]', "[]", 18, "phases: must hold at least 1"),
    "phases no list": ('["create", "cleanup"]', '"create"', 18, "phases: must be a list"),
    "strike's fault": ("reset_after", "reset_aftr", 21, "strikes.0.fault: no fault is called"),
    "strike on nothing": ('on = "bots"\n', "", 20, "strikes.0.on: is missing"),
    "strike's key": ("number", "numbr", 23, "strikes.0.numbr: nobody knows this key; did you mean"),
    "strike's number": ("= 2", "= 0", 23, "strikes.0.number: must be greater than or equal to 1"),
    "strike's attempts": ('"all"', '"al"', 24, "strikes.0.attempts: 'al' is none of all; did you"),
    "strike's attempt": ('"all"', "[1, 0]", 24, "strikes.0.attempts.1: must be greater than or"),
    "strike never": ('"all"', "[]", 24, "strikes.0.attempts: must hold at least 1"),
    "strike attempts no list": ('"all"', "1", 24, "strikes.0.attempts: must be a list, not 1"),
    "strike's lasting": ("number = 2", "lasting = { phase = 1 }", 23, "is none of attempt, phase"),
    "strike's phase": ('"restore"', '"restor"', 28, "strikes.1.phase: 'restor' is none of"),
    "cause too often": ("0.01", "2", 32, "causes.disk.rate: must be less than or equal to 1"),
    "cause set by": ("0.01", '{ set_by = "x" }', 32, "causes.disk.rate: must be a number"),
    "cause without rate": ("rate = 0.01\n", "", 31, "causes.disk.rate: is missing"),
    "cause of nothing": ('["disk_full", "timeout"]', "[]", 33, "faults: must hold at least 1"),
    "cause of nobody": ("disk_full", "disk_ful", 33, "no fault is called 'disk_ful'; did you mean"),
    "cause's key": ("faults = [", "fault = [", 33, "causes.disk.fault: nobody knows this key; did"),
    "cause lasting": ("0.01", '0.01\nlasting = "phasee"', 33, "causes.disk.lasting: 'phasee' is"),
    "causes misspelt": ("causes.disk", "cause.disk", 10, "cause: nobody knows this key; did you"),
    "strikes misspelt": ("conditions.strikes", "conditions.strike", 10, "did you mean 'strikes'?"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "said"), MISTAKEN.values(), ids=MISTAKEN)
def test_each_mistake_over_a_backend_is_named(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    """Each mistake is found on its line, also inside the lists of a condition."""
    assert old in BACKEND
    message = refused(tmp_path, BACKEND.replace(old, new, 1))
    assert any(
        f":{line}: condition 'one':" in one and said in one for one in message.splitlines()
    ), message


def test_names_like_the_loaders_own_words_are_only_names(tmp_path: Path) -> None:
    """A cause may be called what the loader calls parts of a value, and is named all the same."""
    for name in ("number", "table", "list", "all"):
        text = BACKEND.replace("causes.disk", f"causes.{name}")
        assert list(read(tmp_path, text)[0].causes) == [name]
        assert f"causes.{name}.rate: must be" in refused(tmp_path, text.replace("0.01", "2"))


def test_each_and_set_reach_every_key(tmp_path: Path) -> None:
    """Lists of tables are values like others; --set finds a strike by its number."""
    each = """each = { "faults.reset_before.burst" = [1, 5], "causes.disk.rate" = [0, 0.1] }
"""
    many = read(tmp_path, BACKEND.replace("story = true\n", each))
    assert [(c.name, c.faults["reset_before"].burst, c.causes["disk"].rate) for c in many] == [
        ("one/1/0", 1, 0), ("one/1/0.1", 1, 0.1), ("one/5/0", 5, 0), ("one/5/0.1", 5, 0.1),
    ]  # fmt: skip
    each = 'each = { strikes = [[], [{ fault = "noop", on = "users" }]] }\n'
    text = BACKEND.replace("[[conditions]]\n", f"[[conditions]]\n{each}", 1)
    none, one = read(tmp_path, text)
    assert (none.strikes, one.strikes) == ((), (StrikeSetting(fault="noop", on="users"),))
    changed = ("conditions.one.strikes.1.attempts=[2]", "conditions.one.causes.disk.rate=0.5")
    (one,) = read(tmp_path, BACKEND, *changed, "defaults.api.timeout_ms=75")
    assert (one.strikes[1].attempts, one.causes["disk"].rate) == ((2,), 0.5)
    assert one.api.timeout_ms == 75
    message = refused(tmp_path, BACKEND, "defaults.api.timeout_ms=-1")
    assert "api.timeout_ms (by --set): must be greater than 0" in message


def test_every_key_makes_another_experiment_and_none_does_where_it_says_nothing(
    tmp_path: Path,
) -> None:
    """A run goes on with the same keys only; those stored before there were any are still known."""
    path = tmp_path / "experiment.toml"
    path.write_text(GOOD)
    before = "b1bf71989907fc97395f42eef1ae54a7dae36ab4871d66fa7f1626a915f36a77"
    assert fingerprint(load(path)) == before
    said = "story = false\nstrikes = []\napi.timeout_ms = 200\nretry.jitter = 0\n"
    path.write_text(GOOD.replace("cycles = 7\n", f"cycles = 7\n{said}"))
    assert fingerprint(load(path)) == before
    path.write_text(BACKEND)
    seen = {fingerprint(load(path))}
    changes = ("retry.jitter=0.4", "api.timeout_ms=61", "api.backend_busy_timeout_ms=1",
        "story=false", "faults.reset_before.burst=4", 'faults.reset_before.phases=["create"]',
        "strikes.0.number=1", "causes.disk.rate=0.02", 'causes.disk.faults=["timeout"]',
        "strikes=[]", "causes={}")  # fmt: skip
    for change in changes:
        seen.add(fingerprint(load(path, [f"conditions.one.{change}"])))
    assert len(seen) == len(changes) + 1
