from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.guard import Guard, recover

pytest_plugins = ["pytester"]
USE = """
    import apsw
    from harness.system.files import Files
    from harness.guard.sqlite.second_names import SecondNames
    def spoil(path, what):
        names = SecondNames(path, Files())
        second = names.journal if what == "journal" else names.backup(0)
        for name in (f"{path}.e2e-{what}", second):
            open(name, "w").close()
    def add(path, n=1):
        connection = apsw.Connection(str(path))
        for _ in range(n):
            connection.execute("INSERT INTO t(x) VALUES ('test')")
        connection.close()
    def count(path):
        connection = apsw.Connection(str(path))
        (n,), = connection.execute("SELECT count(*) FROM t").fetchall()
        connection.close()
        return n
"""


@pytest.fixture
def database(pytester: pytest.Pytester) -> Path:
    """A database of two rows, in WAL mode."""
    path = pytester.path / "dev.sqlite3"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA journal_mode=wal")
        connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, x)")
        connection.execute("INSERT INTO t(x) VALUES ('a'), ('b')")
    return path


def rows(path: Path) -> list[str]:
    """What stands in the table."""
    with closing(apsw.Connection(str(path))) as connection:
        return [row[0] for row in connection.execute("SELECT x FROM t ORDER BY id")]


def run(
    pytester: pytest.Pytester, tests: str, *options: str, guarded: bool = True
) -> pytest.RunResult:
    """Run real tests in a session of their own."""
    pytester.makepyfile(textwrap.dedent(USE) + textwrap.dedent(tests))
    where = ["--guard-database", "dev.sqlite3"] if guarded else []
    # other people's plugins take most of a session's time
    pytester._monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugins = ["-p", "harness.pytest_plugin", *(["-p", "xdist.plugin"] if "-n2" in options else [])]
    where = [*plugins, *where]
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *where, *options, timeout=60)


def beside(path: Path) -> list[str]:
    """Whatever of the guard's or SQLite's still stands beside the database."""
    return sorted(n for n in os.listdir(path.parent) if n.startswith(path.name + "."))


def test_a_session_is_guarded(pytester: pytest.Pytester, database: Path) -> None:
    """What the tests commit is told table by table, and gone afterwards; so is the backup."""
    done = run(pytester, "def test_it(guarded_database): add(guarded_database, 3)")
    assert done.ret == 0
    done.stdout.fnmatch_lines(
        [
            "harness guard: *dev.sqlite3 backed up by online_backup, * ms",
            "*= harness guard =*",
            "*t: 3 added, 0 missing, 0 changed",
            "*sequence t: 2 -> 5",
            "restored by online_backup",
            "backup * ms, verify * ms, restore * ms, dispose * ms",
            "*dev.sqlite3 is proven back at its baseline",
        ]
    )
    assert rows(database) == ["a", "b"]
    assert beside(database) == []


def test_names_in_the_summary_speak_to_nobody(pytester: pytest.Pytester, database: Path) -> None:
    """A table that tests have named writes no line of its own to the log of a CI."""
    tests = """
        def test_it(guarded_database):
            connection = apsw.Connection(str(guarded_database))
            connection.execute('create table "\\x1b[2Ja\\n::error::b"(x)')
    """
    done = run(pytester, tests)
    assert done.ret == 0
    assert r"  table \x1b[2Ja\n::error::b added" in done.outlines


def test_nothing_left_needs_no_restore(pytester: pytest.Pytester, database: Path) -> None:
    """The database named in the ini file is guarded; a session that leaves nothing says so."""
    pytester.makeini("[pytest]\nguard_database = dev.sqlite3\n")
    done = run(pytester, "def test_it(guarded_database): assert 0", guarded=False)
    assert done.ret == 1
    done.stdout.fnmatch_lines(
        ["left by the tests: nothing", "no restore was needed", "*is proven back*"]
    )
    assert rows(database) == ["a", "b"]


def test_without_the_option_it_costs_nothing(pytester: pytest.Pytester) -> None:
    """No module of the package but the plugin is imported, and apsw is not."""
    pytester.makepyfile(
        """
        import sys
        def test_it():
            mine = {n for n in sys.modules if n.split(".")[0] in ("harness", "apsw")}
            assert mine == {"harness", "harness.pytest_plugin", "harness.pytest_fixtures"}
        """
    )
    others = ("hypothesispytest", "faker", "anyio", "nbmake", "xdist")  # they take their time
    done = pytester.runpytest_subprocess(*(part for o in others for part in ("-p", f"no:{o}")))
    assert done.ret == 0
    done.stdout.no_fnmatch_line("*harness guard*")


def test_the_fixtures_need_the_option(pytester: pytest.Pytester) -> None:
    """A test that wants the guarded database without one named is told what to give."""
    done = run(pytester, "def test_it(guarded_database): pass", guarded=False)
    assert done.ret != 0
    done.stdout.fnmatch_lines(["*no database is guarded: give --guard-database PATH*"])


@pytest.mark.parametrize(
    ("name", "told"),
    [("missing.db", "*no such database*"), ("prod.db", "*looks like production*")],
)
def test_what_must_not_be_touched_is_refused(
    pytester: pytest.Pytester, database: Path, name: str, told: str
) -> None:
    """A refusal ends the session as a usage error before any test runs."""
    if name == "prod.db":
        database.rename(pytester.path / name)
    done = run(pytester, "def test_it(): pass", "--guard-database", name, guarded=False)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([told])
    done.stdout.no_fnmatch_line("*passed*")


@pytest.mark.parametrize(
    ("options", "ini", "said"),
    [
        (["--guard-database", ""], "", "--guard-database is empty: give the path"),
        (["--guard-database=file:./dev.sqlite3"], "", "give the path of the file, perhaps ./dev"),
        ([], "guard_database = sqlite:///dev.sqlite3", "the path of the file, perhaps ./dev"),
        (["--guard-database=a", "--guard-database", "dev.sqlite3"], "", "is given 2 times"),
        ([], "addopts = --guard-database a --guard-database dev.sqlite3", "is given 2 times"),
        (["--guard-database", "dev.sqlite3"], "addopts = --guard-database a", ""),
        (["--guard-database", "dev.sqlite3", *["--guard-i-know"] * 2], "", ""),
        (
            ["--guard-database=dev.sqlite3", *["--guard-recovery=online_backup"] * 2],
            "",
            "the same one is named twice",
        ),
    ],
)
def test_which_database_is_meant_is_never_guessed(
    pytester: pytest.Pytester, database: Path, options: list[str], ini: str, said: str
) -> None:
    """An empty variable, an address, one option twice: refused; over addopts it stands, as ever."""
    pytester.makeini(f"[pytest]\n{ini}\n")
    done = run(pytester, "def test_it(): open('ran', 'w')", *options, guarded=False)
    assert done.ret == (4 if said else 0), done.outlines
    assert said in done.stderr.str()
    assert (pytester.path / "ran").exists() is not bool(said)
    assert rows(database) == ["a", "b"]


def test_words_of_ones_own_are_refused(pytester: pytest.Pytester, database: Path) -> None:
    """A word of ``guard_production_signs`` in the path is refused like the built-in ones."""
    pytester.makeini("[pytest]\nguard_production_signs = golden dev\n")
    done = run(pytester, "def test_it(): pass")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*looks like production (the word 'dev'*"])


def test_a_database_that_is_not_proven_fails_the_run(
    pytester: pytest.Pytester, database: Path
) -> None:
    """Passing tests do not hide a backup that was lost: the run fails and says what to do."""
    done = run(
        pytester,
        """
        def test_it(guarded_database):
            add(guarded_database)
            spoil(guarded_database, "backup")
        """,
    )
    assert done.ret == 125
    done.stdout.fnmatch_lines(
        [
            "restore by online_backup failed: *bytes where*",
            "its backup is gone or altered, so no guard can bring it back*--discard",
            "*dev.sqlite3 is NOT proven back at its baseline",
        ]
    )
    assert "are kept" not in done.stdout.str()
    assert "are left" not in done.stdout.str()
    assert rows(database) == ["a", "b", "test"]


def test_no_backup_no_test(pytester: pytest.Pytester, database: Path) -> None:
    """Where no backup can be taken no test runs."""
    database.with_name("dev.sqlite3.e2e-backup").write_text("somebody else's")
    done = run(pytester, "def test_it(): open('ran', 'w')")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert "a name that the guard needs" in str(done.stderr) + str(done.stdout)
    assert not (pytester.path / "ran").exists()


def test_every_worker_has_its_own(pytester: pytest.Pytester, database: Path) -> None:
    """Under pytest-xdist each worker sees a copy of the baseline; none is left afterwards."""
    done = run(
        pytester,
        """
        import pytest
        @pytest.mark.parametrize("n", range(4))
        def test_it(n, guarded_database, worker_id):
            assert guarded_database.name == f"dev.sqlite3.{worker_id}"
            add(guarded_database)
        @pytest.mark.parametrize("n", range(4))
        def test_restored(n, database_restored):
            before = count(database_restored)
            add(database_restored)
            assert count(database_restored) == before + 1
        """,
        "-n2",
    )
    assert done.ret == 0, done.stdout.str()
    done.stdout.fnmatch_lines(["4 x restored by a pin*", "left by the tests: nothing"])
    assert rows(database) == ["a", "b"]
    assert beside(database) == []


def test_what_a_killed_session_left_is_brought_back(
    pytester: pytest.Pytester, database: Path
) -> None:
    """After a kill -9 the next session first brings the baseline back, and says so."""
    killed = run(
        pytester,
        """
        import os, signal
        def test_it(guarded_database):
            add(guarded_database)
            os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    assert killed.ret == -9
    assert rows(database) == ["a", "b", "test"]
    for name in (
        "gw3",
        "gw3-wal",
        "gw3.e2e-test.1",
        "e2e-test.2",
    ):  # of workers and tests killed too
        database.with_name(f"dev.sqlite3.{name}").touch()
    done = run(pytester, "def test_it(guarded_database): assert count(guarded_database) == 2")
    assert done.ret == 0
    done.stdout.fnmatch_lines(["*had been killed; the baseline was brought back by online_backup"])
    assert beside(database) == []


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 2)])
def test_a_session_told_to_end_restores(
    pytester: pytest.Pytester, database: Path, name: str, status: int
) -> None:
    """SIGTERM and Ctrl-C in the middle of a test end in the baseline."""
    done = run(
        pytester,
        f"""
        import os, signal, time
        def test_it(guarded_database):
            add(guarded_database)
            os.kill(os.getpid(), signal.{name})
            time.sleep(30)
        """,
    )
    assert done.ret == status
    assert rows(database) == ["a", "b"]
    assert beside(database) == []


def test_two_sessions_on_one_database(pytester: pytest.Pytester, database: Path) -> None:
    """The second is refused while the first lives, and harms nothing: no worker's copy either."""
    copy = database.with_name(f"{database.name}.gw0")
    with Guard(database, recoveries=("online_backup",)):
        copy.touch()
        done = run(pytester, "def test_it(): pass")
        assert done.ret == pytest.ExitCode.USAGE_ERROR
        done.stderr.fnmatch_lines(["*another guard is at work*"])
        assert copy.exists()
    assert rows(database) == ["a", "b"]


def test_pytest_in_another_thread(pytester: pytest.Pytester, database: Path) -> None:
    """Where no signal handler can be set, the session is guarded all the same."""
    pytester.makepyfile(
        textwrap.dedent(USE) + "\ndef test_it(guarded_database): add(guarded_database)"
    )
    script = (
        "import pytest, threading\n"
        "got = []\n"
        "options = ['-p', 'no:cacheprovider', '-p', 'harness.pytest_plugin']\n"
        "run = lambda: got.append(pytest.main([*options, '--guard-database', 'dev.sqlite3']))\n"
        "thread = threading.Thread(target=run); thread.start(); thread.join()\n"
        "raise SystemExit(got[0])"
    )
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, check=False, timeout=60)
    assert done.returncode == 0
    assert rows(database) == ["a", "b"]
    assert beside(database) == []


def test_a_worker_without_a_copy_is_told_as_a_sentence(
    pytester: pytest.Pytester, database: Path
) -> None:
    """What stands in a copy's place is named, with what to do; the baseline is proven."""
    database.with_name(f"{database.name}.gw0").touch()
    done = run(pytester, "def test_it(): pass", "-n2")
    assert done.ret == 125
    said = done.stdout.str() + done.stderr.str()
    assert "gets no copy of the database" in said
    # what execnet cannot do any more at an interpreter's end, from Python 3.12 on, is its own
    ours = said.partition("Exception ignored in atexit callback: <bound method Group.")[0]
    assert "Traceback" not in ours
    assert rows(database) == ["a", "b"]


def test_a_database_in_use_is_refused(pytester: pytest.Pytester, database: Path) -> None:
    """Where it could not be restored beside a process that has it open, as the command refuses."""
    with closing(apsw.Connection(str(database))) as connection:
        connection.pragma("user_version")  # opens the file
        done = run(pytester, "def test_it(): pass", "--guard-recovery", "file_copy")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*is in use: process*"])


def test_open_in_the_tests_own_sqlite3_at_the_end(
    pytester: pytest.Pytester, database: Path
) -> None:
    """Another process says what is left and restores; with an emptied journal nothing is proven."""
    tests = """
        import sqlite3
        from pathlib import Path
        kept = []
        def test_it(guarded_database):
            kept.append(sqlite3.connect(guarded_database))
            kept[0].execute("INSERT INTO t(x) VALUES ('test')")
            kept[0].commit()
        def test_more(guarded_database):
            pass
    """
    done = run(pytester, tests)
    assert done.ret == 0
    done.stdout.fnmatch_lines(
        [
            "*another process finishes",
            "  t: 1 added*",
            "restored by online_backup",
            "*is proven back*",
        ]
    )
    assert rows(database) == ["a", "b"]
    remove = 'Path(f"{guarded_database}.e2e-journal").unlink()'
    done = run(pytester, tests.replace("    pass", f"    {remove}"))
    assert done.ret == 0
    spoil = 'spoil(guarded_database, "journal")'
    done = run(pytester, tests.replace("    pass", f"    {spoil}"))
    assert done.ret == 125
    done.stdout.fnmatch_lines(["*journal is empty*", "*is NOT proven back*"])


def test_a_test_that_forks_finishes_nothing(pytester: pytest.Pytester, database: Path) -> None:
    """A forked child that ends the session's way leaves the guard to its parent."""
    done = run(
        pytester,
        """
        import os
        def test_it(guarded_database, pytestconfig):
            child = os.fork()
            if child == 0:
                pytestconfig.pluginmanager.get_plugin("harness_session").pytest_unconfigure()
                os._exit(0)
            os.waitpid(child, 0)
            assert guarded_database.with_name("dev.sqlite3.e2e-backup").exists()
        """,
    )
    assert done.ret == 0, done.stdout.str()


def test_the_module_is_light() -> None:
    """Importing the plugin imports pytest and nothing heavy."""
    script = "import sys, harness.pytest_plugin; print({'apsw', 'pandas'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_a_database_that_the_tests_make(pytester: pytest.Pytester, database: Path) -> None:
    """It is made by them, restored after a test that wants that, and gone in the end."""
    database.unlink()
    tests = """
        import pytest
        @pytest.fixture(scope="session")
        def migrated(guarded_database):
            assert not guarded_database.exists()
            connection = apsw.Connection(str(guarded_database))
            connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x)")
            connection.close()
        @pytest.mark.parametrize("i", range(2))
        def test_it(migrated, database_restored, i):
            add(database_restored)
            assert count(database_restored) == 1
    """
    done = run(pytester, tests)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*no such database*--guard-absent-ok*"])
    done = run(pytester, tests, "--guard-absent-ok")
    assert done.ret == 0
    done.stdout.fnmatch_lines(
        [
            "harness guard: * is not there yet*",
            "left by the tests: the whole database (1 table, 0 rows)",
            "it was removed",
        ]
    )
    assert beside(database) == []
    assert not database.exists()


@pytest.mark.long
def test_every_worker_makes_its_own(pytester: pytest.Pytester, database: Path) -> None:
    """Each finds nothing at its own path, and nothing of all is left; the ini file asks for it."""
    database.unlink()
    pytester.makeini("[pytest]\nguard_absent_ok = true\n")
    done = run(
        pytester,
        """
        import pytest
        @pytest.mark.parametrize("i", range(4))
        def test_it(guarded_database, i, worker_id):
            assert guarded_database.name == f"dev.sqlite3.{worker_id}"
            connection = apsw.Connection(str(guarded_database))
            connection.execute("CREATE TABLE IF NOT EXISTS t(x)")
        """,
        "-n2",
    )
    assert done.ret == 0
    done.stdout.fnmatch_lines(["left by the tests: nothing"])
    assert beside(database) == []
    assert not database.exists()


def test_a_session_waits_for_another_guard(pytester: pytest.Pytester, database: Path) -> None:
    """Refused at once it is told how to wait; then it says for whom it waits, and runs."""
    guard = Guard(database, recoveries=["online_backup"])
    guard.begin()
    tests = "def test_it(guarded_database): add(guarded_database)"
    done = run(pytester, tests)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"*that of process {os.getpid()} (*--guard-wait*"])
    ending = threading.Timer(3, guard.finish)
    ending.start()
    done = run(pytester, tests, "--guard-wait", "60")
    ending.join()
    assert done.ret == 0
    told = f"harness guard: waiting for the guard of process {os.getpid()} (*), up to 60 s"
    done.stdout.fnmatch_lines([told, "restored by online_backup"])
    assert rows(database) == ["a", "b"]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="only there the system tells")
@pytest.mark.parametrize("allowed", [False, True])
def test_a_server_that_outlives_the_session(
    pytester: pytest.Pytester, database: Path, allowed: bool
) -> None:
    """With the database open it is waited for and named; nothing is proven unless it is allowed."""
    tests = """
        import subprocess
        def test_it(guarded_database):
            add(guarded_database)
            line = '(exec 3<"$0"; echo >up; exec sleep 60) >/dev/null 2>&1 & echo $! >pid'
            subprocess.run(["sh", "-c", line + "; until test -e up; do :; done", guarded_database])
    """
    options = ["--guard-survivors-wait=0.1"] + ["--guard-allow-survivors"] * allowed
    done = run(pytester, tests, *options)
    pid = int(Path("pid").read_text())
    os.kill(pid, signal.SIGKILL)
    assert done.ret == (0 if allowed else 125)
    done.stdout.fnmatch_lines([f"harness guard: waiting up to 0.1 s for process {pid} (sleep 60)*"])
    ending = (
        "still has * open, as allowed*"
        if allowed
        else "still has * open and may write*--guard-allow-survivors"
    )
    done.stdout.fnmatch_lines([f"process {pid} (sleep 60), started by the tests, {ending}"])
    assert rows(database) == ["a", "b"]
    if not allowed:
        assert recover(database) == "online_backup"
    assert beside(database) == []
