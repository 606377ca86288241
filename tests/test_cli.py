"""The command line: what is printed, where, and with which status."""

from __future__ import annotations

import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness import cli
from harness.results.run_checks import checksum

Call = Callable[..., tuple[int, str, str]]  # arguments -> status, out, err
CHECKOUT = Path(__file__).parents[1]
TEXT = """
name = "small"
cycles = 40
[defaults]
demands = "rows"
recoveries = ["file_copy"]
workload.size_bytes = 262144
[[conditions]]
name = "a"
claims = ["reliability >= 0.5"]
faults.noop.rate = 0.05
"""


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call the command line in this process."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["harness", *map(str, arguments)])
        status = 0
        try:
            cli.main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


@pytest.fixture
def experiment(folder: Path) -> Path:
    """Write a small experiment on the real thing."""
    path = folder / "small.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_help_comes_at_once() -> None:
    """Nothing slow is imported before a verb needs it."""
    slow = "numpy", "scipy", "pandas", "apsw", "pydantic", "rich", "matplotlib"
    slow += "starlette", "uvicorn", "asyncio"
    code = f"import sys, harness.cli; print([m for m in {slow} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_run_check_report_replay(harness: Call, experiment: Path, folder: Path) -> None:
    """A run on the real site, judged, reported and one of its cycles run again."""
    run = folder / "run"
    status, out, err = harness("run", experiment, "--output", run, "--workers", 1)
    assert status == 0
    assert "seed 1" in out
    assert "a: noop at 0.05 a slot" in err
    assert "40/40 cycles" in err  # progress is none of the report, which a pipe gets alone
    assert "40/40 cycles" not in out
    status, out, _ = harness("check", run)
    assert status == 0
    assert "a: reliability >= 0.5: supported at cycle" in out
    assert harness("check", run, "--claim", "reliability >= 0.9999", "--condition", "a")[0] == 3
    status, out, _ = harness("report", run, "--format", "json")
    assert json.loads(out)["conditions"][0]["cycles"] == 40
    status, out, _ = harness("report", run, "--format", "html", "--output", folder / "page.html")
    assert (status, out) == (0, "")
    assert "<html" in (folder / "page.html").read_text()
    for cycle in (0, 7):
        status, out, _ = harness("replay", run, "--condition", "a", "--cycle", cycle)
        assert status == 0, out
    status, _, err = harness("replay", run, "--condition", "a", "--cycle", 4000)
    assert (status, "has the cycles 0 to" in err) == (2, True)
    status, _, err = harness("run", experiment, "--output", run)
    assert status == 2
    assert "nothing was overwritten" in err


BAD = {
    "no verb": (["sing"], 2, "No such command"),
    "no such option": (["run", "x.toml", "--fast"], 2, "--fast"),
    "no file": (["run", "nowhere.toml"], 2, "harness: nowhere.toml: cannot be read"),
    "workers": (["run", "x.toml", "--workers", "0"], 2, "--workers"),
    "cycles": (["run", "{experiment}", "--cycles", "0"], 2, "harness: --cycles 0"),
    "set": (["run", "{experiment}", "--set", "defaults.polcy=1"], 2, "'policy'"),
    "check nothing": (["check", "{folder}"], 2, "not a run's folder"),
    "report nothing": (["report", "{folder}"], 2, "not a run's folder"),
    "report format": (["report", "{folder}", "--format", "htm"], 2, "'html'"),
    "backend nothing": (["backend", "--database", "x"], 2, "harness: x: there is no such file"),
    "backend port": (["backend", "--database", "x", "--port", "99999"], 2, "--port"),
    "guard nothing": (["guard", "--database", "x"], 2, "COMMAND"),
    "guard no file": (["guard", "--database", "{folder}/x", "--", "true"], 2, "no such database"),
    "guard address": (["guard", "--database", "mysql://x", "--", "true"], 2, "mysql://"),
    "guard busy": (
        ["guard", "--database", "x", "--busy-timeout-ms", "2147483648", "--", "true"],
        2,
        "--busy-timeout-ms",
    ),
    "guard recovery": (
        ["guard", "--database", "{experiment}", "--recovery", "x", "--", "true"],
        2,
        "'x'",
    ),
    "recover no file": (["recover", "--database", "{folder}/x"], 2, "no such file"),
    "backup nothing": (["backup", "x", "y"], 2, "harness: x: no backup was made"),
    "backup over": (["backup", "x", "{experiment}"], 2, "there already and was not touched"),
    "verify nothing": (["verify", "x", "{experiment}"], 2, "is no SQLite database"),
    "restore address": (["restore", "mysql://x/y", "z"], 2, "cannot be guarded yet"),
    "restore neither": (["restore", "x"], 2, "--list"),
    "restore both": (["restore", "x", "y", "--list"], 2, "--list"),
    "replay nothing": (["replay", "{folder}", "--condition", "a", "--cycle", "1"], 2, "not a run"),
}


@pytest.mark.parametrize(("arguments", "status", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_answered(
    harness: Call,
    experiment: Path,
    folder: Path,
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    """Each mistake gets one sentence on standard error, status 2, and no traceback."""
    filled = [one.format(experiment=experiment, folder=folder) for one in arguments]
    code, out, err = harness(*filled)
    assert code == status
    assert said in err
    assert "Traceback" not in err
    assert out == ""


def test_backup_verify_restore(harness: Call, folder: Path, pristine: Path) -> None:
    """There and back by hand: statuses, sentences, JSON, the archive and its list."""
    database, kept = folder / "api_db_dev.sqlite3", folder / "kept"
    database.write_bytes(pristine.read_bytes())
    assert harness("restore", "--list", database)[1].endswith("has thrown anything away\n")
    status, out, _ = harness("backup", database, kept)
    assert (status, "327,680 bytes" in out, "verified" in out) == (0, True, True)
    assert harness("verify", database, kept) == (0, "no differences\n", "")
    connection = apsw.Connection(str(database))
    connection.execute("PRAGMA user_version = 99; DELETE FROM audit_log")
    connection.close()
    status, out, _ = harness("verify", database, kept)
    assert (status, "setting user_version" in out, "audit_log: 0 added" in out) == (
        1,
        True,
        True,
    )
    status, out, _ = harness("verify", database, kept, "--json")
    assert (status, json.loads(out)["clean"]) == (1, {"rows": False, "exact": False})
    status, out, _ = harness("restore", database, kept)
    assert (status, "restored by online_backup" in out) == (0, True)
    archive = out.split()[-1]
    assert archive in harness("restore", "--list", database)[1]
    assert harness("verify", database, kept)[0] == 0
    assert harness("restore", database, archive)[0] == 0
    assert harness("verify", database, kept)[0] == 1
    kept.write_bytes(kept.read_bytes()[:-4096])
    status, out, err = harness("restore", database, kept)
    assert (status, out, "cut short or altered" in err) == (2, "", True)


def test_a_closed_stream_is_no_reason_to_fail(folder: Path) -> None:
    """Nothing is said where standard error is closed; the command finds it closed, as given."""
    path = folder / "x.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t(a)")
    command = f"{sys.executable} -m harness guard --database {path} -- sh -c 'echo {{}} >&2' 2>&-"
    ended = subprocess.run(["sh", "-c", command], check=False, capture_output=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (2, b"")  # the shell's own, of what is closed


NAMES = ("\x1b]0;title\x07", "a\nguard: it is proven\n::error::b", "\u202eleft", "##vso[task]")


def test_names_speak_to_no_terminal_and_to_no_ci(harness: Call, folder: Path) -> None:
    """Whatever tests call their tables, and whatever they put into a cell; JSON has the names."""
    database, kept, told = folder / "d.db", folder / "kept", folder / "told.json"
    sql = "; ".join(f'CREATE TABLE "{name}" (x)' for name in NAMES)
    insert = "; ".join(f"INSERT INTO \"{name}\" VALUES ('{name}')" for name in NAMES)
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute(sql)
    assert harness("backup", database, kept)[0] == 0
    tests = f"import sqlite3; c = sqlite3.connect('d.db'); c.executescript({insert!r}); c.commit()"
    (folder / "tests.py").write_text(tests)
    words = ["--json", told, "--", "sh", "-c", f"cd {folder}; {sys.executable} tests.py"]
    status, out, err = harness("guard", "--verbose", "--database", database, *words)
    assert status == 0, err
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute(insert)
    status, out, _ = harness("verify", database, kept)
    assert status == 1
    for said in (out, err):
        assert not set("\x1b\x07\u202e") & set(said)
        assert "##vso[" not in said
        assert r"\x1b]0;title\x07: 1 added" in said
        lines = said.splitlines()
        assert not [line for line in lines if line.startswith(("::", "guard: it is proven"))]
    for name in NAMES:  # words that are given and not understood, too
        status, _, said = harness("recover", f"word {name}")
        assert status == 2
        assert not set("\x1b\x07\u202e") & set(said)
        assert "##vso[" not in said
        assert "\n::" not in said
    assert set(json.loads(told.read_text())["found"]["tables"]) == set(NAMES)
    assert set(json.loads(harness("verify", database, kept, "--json")[1])["tables"]) == set(NAMES)


def test_a_defect_is_never_taken_for_a_verdict(harness: Call, folder: Path) -> None:
    """Anything unforeseen ends with 4, not with 1 for refuted, and shows where it was."""
    told = {"version": 1, "experiment": {"conditions": [{"name": "a", "claims": [1]}]}}
    sealed = told | {"sha256": checksum(told)}  # as if a run had written it
    (folder / "run.json").write_text(json.dumps(sealed))
    (folder / "cycles.sqlite").write_bytes(b"")
    status, _, err = harness("check", folder)
    assert status == 4
    assert "claimed.py" in err


@pytest.mark.parametrize("after_s", [0.0, 1.0])
def test_interrupted_is_130(experiment: Path, folder: Path, after_s: float) -> None:
    """Ctrl-C as a terminal sends it, to the whole group: also while the workers are starting."""
    command = [sys.executable, "-m", "harness", "run", str(experiment), "--cycles", "100000",
               "--workers", "2", "--output", str(folder / "run")]  # fmt: skip
    child = subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not (folder / "run" / "cycles.sqlite").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(after_s)
    os.killpg(child.pid, signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "go on with --resume" in out


def test_what_cannot_be_written_or_built_is_named(
    harness: Call, experiment: Path, folder: Path
) -> None:
    """Status 2, the place or the key, no traceback, and nothing is left or overwritten."""
    text = experiment.read_bytes()
    for output in (experiment, experiment / "below"):
        status, _, err = harness("run", experiment, "--output", output)
        assert (status, "is a file" in err) == (2, True)
    assert experiment.read_bytes() == text
    for size in (5000, 4096, 10**13, 2**42):
        key = f"defaults.workload.size_bytes={size}"
        status, _, err = harness("run", experiment, "--output", folder / "run", "--set", key)
        assert status == 2
        assert f"{experiment}: condition 'a': workload.size_bytes: " in err
        assert not (folder / "run").exists()
    harness("run", experiment, "--output", folder / "run", "--workers", 1)
    status, _, err = harness("report", folder / "run", "--output", folder / "no" / "where")
    assert status == 2
    assert "where: cannot be written" in err
    assert "Traceback" not in err


def test_a_reader_who_left_is_no_verdict(harness: Call, experiment: Path, folder: Path) -> None:
    """A closed pipe leaves the status as it is; a full device is a harness error, said so."""
    harness("run", experiment, "--output", folder / "run", "--workers", 1)
    command = [sys.executable, "-m", "harness", "check", str(folder / "run")]
    status = subprocess.run(
        command, check=False, cwd=CHECKOUT, stdout=subprocess.DEVNULL
    ).returncode
    reader, writer = os.pipe()
    os.close(reader)
    piped = subprocess.run(
        command, check=False, cwd=CHECKOUT, stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    assert (piped.returncode, piped.stderr) == (status, b"")
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            command, check=False, cwd=CHECKOUT, stdout=full, stderr=subprocess.PIPE
        )
    assert ended.returncode == 4
    assert b"Traceback" not in ended.stderr
    assert b"standard output cannot be written" in ended.stderr
    again = [*command[:3], "run", str(experiment), "--output", str(folder / "unread")]
    reader, writer = os.pipe()
    os.close(reader)
    unread = subprocess.run(again, check=False, cwd=CHECKOUT, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert unread.returncode == status
    assert b"Traceback" not in unread.stderr
    assert (folder / "unread" / "report.html").exists()


def test_guard_passes_the_status_and_leaves_the_rest_to_the_command(
    harness: Call, folder: Path, pristine: Path
) -> None:
    """Options behind the command are the command's, its status is ours, its output untouched."""
    database = folder / "api_db_dev.sqlite3"
    database.write_bytes(pristine.read_bytes())
    status, out, err = harness(
        "guard", "--database", database, "sh", "-c", "exit $#", "--", "--quiet", "-h"
    )
    assert (status, out) == (2, "")
    assert "proven back" in err
    assert harness("guard", "--quiet", "--database", database, "--", "true") == (0, "", "")
    status, out, err = harness("recover", "--database", database)
    assert (status, out, "nothing to do" in err) == (0, "", True)


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_the_verdict_is_the_last_line_and_in_colour_on_a_terminal(
    folder: Path, pristine: Path, no_colour: str
) -> None:
    """There, unless NO_COLOR is set; in ten lines at most it was told what was left."""
    database = folder / "d.db"
    database.write_bytes(pristine.read_bytes())
    tables = ";".join(f"CREATE TABLE late{number} (x)" for number in range(14))
    code = f"import sqlite3; sqlite3.connect({str(database)!r}).executescript({tables!r})"
    guard = ["guard", "--no-archive", "--database", str(database), "--", sys.executable, "-c", code]
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "harness", *guard],
        stderr=theirs,
        env=os.environ | {"NO_COLOR": no_colour, "TERM": "xterm"},
        check=False,
    )
    os.close(theirs)
    lines = os.read(ours, 1 << 16).decode().splitlines()
    os.close(ours)
    assert done.returncode == 0, lines
    verdict = f"guard: {database} is proven back at its baseline"
    assert lines[-1] == (verdict if no_colour else f"\x1b[32m\x1b[1m{verdict}\x1b[0m")
    assert "\x1b" not in "".join(lines[:-1])
    assert "guard:   and 5 more: --verbose shows them" in lines
    assert len([line for line in lines if line.startswith("guard:   ")]) == 10


def test_words_that_mean_production_can_be_added(
    harness: Call, folder: Path, pristine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--production-sign adds to the built-in words and to the environment's: 2, nothing has run."""
    path, ran = folder / "acme_eu.sqlite3", folder / "ran"
    path.write_bytes(pristine.read_bytes())
    guard = ["guard", "--database", str(path)]
    for signs in (["--production-sign", "acme"], ["--production-sign", "x", *_SIGN, "acme eu"]):
        status, _, said = harness(*guard, *signs, "--", "touch", str(ran))
        assert (status, "looks like production" in said) == (2, True)
    monkeypatch.setenv("HARNESS_PRODUCTION_SIGNS", "eu")
    assert harness(*guard, *_SIGN, "x", "--", "touch", str(ran))[0] == 2
    assert not ran.exists()
    assert harness(*guard, *_SIGN, "acme", "--i-know", "--", "touch", str(ran))[0] == 0
    assert ran.exists()


_SIGN = ["--production-sign"]
# Python on Windows has no fcntl.
ELSEWHERE = "import sys; sys.modules['fcntl'] = None; from harness.cli import main; main()"


@pytest.mark.parametrize(
    "words",
    ["guard --database x.db -- true", "recover --database x.db", "backup a b", "verify a b",
     "restore a b"],
)  # fmt: skip
def test_where_nothing_can_be_guarded_it_says_so(words: str) -> None:
    """Without fcntl every verb that guards answers with one sentence and 2."""
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *words.split()],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "needs Linux or macOS" in done.stderr


def test_stored_runs_are_read_where_nothing_can_be_guarded(
    harness: Call, experiment: Path, folder: Path
) -> None:
    """Without fcntl report and check answer as they do here."""
    run = folder / "run"
    assert harness("run", str(experiment), "--output", str(run))[0] in (0, 1, 3)
    for words in (["report", "--format", "json", str(run)], ["check", str(run)]):
        status, said, _ = harness(*words)
        done = subprocess.run(
            [sys.executable, "-c", ELSEWHERE, *words],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (status, said), done.stderr


def test_an_experiment_is_made_of_a_database(harness: Call, folder: Path) -> None:
    """``init`` says what it found and what to do next; a second time nothing is overwritten."""
    database, output = folder / "a.db", folder / "mine.toml"
    with apsw.Connection(str(database)) as connection:
        connection.execute("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    status, out, err = harness("init", database, "--output", output)
    assert (status, err) == (0, "")
    assert "1 table, 1 row, 0 foreign keys" in out
    assert f"Next: harness run {output}" in out
    status, out, err = harness("init", database, "--output", output)
    assert (status, out) == (2, "")
    assert "is there already" in err
    assert harness("init", database, "--output", output, "--force")[0] == 0
    assert harness("init", folder / "none.db", "--output", output, "--force")[0] == 2


def test_what_there_is_is_listed(harness: Call) -> None:
    """``list`` prints everything or one kind, for people and as JSON, and refuses unknown kinds."""
    status, out, err = harness("list")
    assert (status, err) == (0, "")
    assert {"faults", "recovery", "cleanup", "workloads", "reports", "engines"} <= {*out.split()}
    assert "timeout" not in harness("list", "recovery")[1].split()
    told = json.loads(harness("list", "fault", "--json")[1])
    assert told["version"] == 1
    assert "timeout" in {one["name"] for one in told["faults"]}
    assert harness("list", "gremlins")[0] == 2


def test_the_schema_of_experiments_is_printed(harness: Call) -> None:
    """``list --schema`` is JSON that knows the keys people may write, and no others."""
    told = json.loads(harness("list", "--schema")[1])
    assert {"conditions", "defaults", "name"} <= set(told["properties"])
    project = told["$defs"]["ProjectSetting"]
    assert {"database", "create", "test"} <= set(project["properties"])
    assert "home" not in project["properties"]
    assert harness("list", "faults", "--schema")[0] == 2
