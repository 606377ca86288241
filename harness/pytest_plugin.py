"""Guard a database while pytest runs: ``pytest --guard-database backend/data/dev.sqlite3``.

The whole session is guarded: begun before the first test is collected, finished after the last
fixture is gone. With pytest-xdist every worker gets a copy of its own.

This module is loaded by every pytest of the environment, so it imports nothing of the package but
its fixtures until the option is given.
"""

# ruff: noqa: PLC0415 - a session that guards nothing must cost nothing

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.pytest_fixtures import (
    BROUGHT_BACK,
    OWN_SETTINGS,
    database_connection,
    database_restored,
    database_restored_module,
    guarded_database,
    harness_each_test,
    named,
    named_on_the_spot,
    said_by,
    written,
)

if TYPE_CHECKING:
    from harness.guard import Guard, GuardResult
    from harness.guard.entrance import Asked
    from harness.guard.target import Target
    from harness.guard.worker_copies import WorkerCopies

FAILED = 125  # the exit status when the database is not proven at its baseline, as harness guard's
__all__ = [
    "database_connection",
    "database_restored",
    "database_restored_module",
    "guarded_database",
    "harness_each_test",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("harness", "guard a database while the tests run")
    text = "database that must be the same afterwards: a SQLite file, or postgresql://..."
    group.addoption("--guard-database", metavar="DATABASE", help=text)
    group.addoption(
        "--guard-recovery",
        metavar="NAME",
        action="append",
        help="how to back it up and put it back (repeatable: a chain); online_backup unless given",
    )
    group.addoption(
        "--guard-i-know",
        action="store_true",
        help="guard it even if it looks like production, is on a network, or is in use",
    )
    text_wait = "how long to wait for another guard on the same database to end; 0"
    group.addoption("--guard-wait", metavar="SECONDS", type=float, help=text_wait)
    parser.addini("guard_wait", text_wait, default=None)
    text_absent = "there need not be a database yet: what the tests make is removed again"
    group.addoption("--guard-absent-ok", action="store_true", help=text_absent)
    parser.addini("guard_absent_ok", text_absent, type="bool", default=None)
    group.addoption(
        "--guard-allow-survivors",
        action="store_true",
        help="processes that the tests have started may have it open when the session ends",
    )
    group.addoption(
        "--guard-end-survivors",
        action="store_true",
        help="end what the tests, or those of a killed session, have started and that still lives",
    )
    group.addoption(
        "--guard-survivors-wait",
        metavar="SECONDS",
        type=float,
        help="how long to wait for those that have it open (5)",
    )
    parser.addini("guard_database", f"{text}; relative to the folder of this file")
    parser.addini(
        "guard_production_signs", "more words that mean production in a path", type="args"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Guard the session, if a database was named; workers leave that to their controller."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    database = named(config)
    if database is None:
        return
    from harness.configured.settings import Settings
    from harness.errors import HarnessError
    from harness.guard.entrance import admit
    from harness.guard.target import target_of
    from harness.guard.worker_copies import worker_copies_of
    from harness.pytest_asked import asked_of

    try:
        asked = asked_of(config, written(config) or Settings())
        target = target_of(database, busy_timeout_ms=asked.busy_timeout_ms)
        admit(target, asked)
    except HarnessError as error:
        raise pytest.UsageError(f"{said_by(config)}: {error}") from None
    session = _Session(config, target, asked, worker_copies_of(target, database))
    config.pluginmanager.register(session, "harness_session")


class _Session:
    """The guard of one session, in the controller alone."""

    proven = False  # whether the database is its baseline again
    finishing = False
    around = ""  # why no guard of this session's is needed: there is one around it

    def __init__(
        self, config: pytest.Config, target: Target, asked: Asked, copies: WorkerCopies
    ) -> None:
        self.config, self.target, self.asked, self.copies = config, target, asked, copies
        self.database: Path = target.given  # of a database on a server, its address
        self.guard: Guard | None = None
        self.pid = os.getpid()  # a test that forks must not finish what its parent began
        self.lines: list[str] = []  # how it ended
        self.remarks: list[str] = []  # what there is to say before the first test
        self.brought_back: Counter[str] = Counter()  # of all workers, by how

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Bring back what a killed session left, then back up, before any worker starts."""
        from harness.errors import BackupError, HarnessError
        from harness.guard.entrance import made
        from harness.guard.journal import Around
        from harness.guard.waiting import Waiting

        target = self.target
        if target.is_open_here:
            raise pytest.UsageError(
                f"{said_by(self.config)}: {self.database} cannot be guarded while Python's sqlite3 "
                "has it open in this process: two SQLite libraries break each other's locks. "
                "Open it in a fixture, not while a conftest is imported."
            )

        def begin() -> Guard:
            how = {"in_process": True, "beside_fixtures": True}
            guard = made(target, self.asked, remark=self._remark, **how)
            try:
                guard.begin()
            except BaseException:
                guard.abandon()
                raise
            return guard

        try:
            guard = Waiting(self.asked.wait_s, self._say_now).until_alone(begin)
            self.guard = guard  # only now is there anything to finish
            if guard.result.recovered:  # the journal is ours: a session that lives has copies too
                self.copies.remove_of_the_dead()
        except Around as error:
            if named_on_the_spot(self.config):
                raise pytest.UsageError(f"--guard-database: {error}") from None
            self.around = str(
                error
            )  # "harness guard -- pytest", and pyproject.toml is read by both
        except BackupError as error:
            pytest.exit(str(error), returncode=FAILED)
        except HarnessError as error:
            raise pytest.UsageError(f"{said_by(self.config)}: {error}") from None
        # Being told to end is an end like Ctrl-C: the database comes back first.
        if _has_signals() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _end)

    def _remark(self, line: str) -> None:
        """Keep it for the header; what is said at the end, as the guard waits, is said at once."""
        if self.guard is None and not self.finishing:
            self.remarks.append(line)
        else:
            self._say_now(line)

    def _say_now(self, line: str) -> None:
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            from harness.printable import printable

            reporter.write_line(printable(f"harness guard: {line}"))

    def pytest_report_header(self) -> list[str]:
        """Say what is guarded."""
        from harness.printable import printable

        if self.around:
            return [printable(f"harness guard: {self.around}")]
        if self.guard is None:
            return []
        spent_ms = self.guard.result.timings_ms.get("backup", 0.0)
        chain = ", ".join(self.guard.result.backed_up_by)
        how = f"{self.database} backed up by {chain}, {spent_ms:.0f} ms"
        if self.guard.result.absent:
            how = f"{self.database} is not there yet: what the tests make is removed again"
        told = [*self.remarks, how]
        return [printable(f"harness guard: {line}") for line in told]

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give a worker of pytest-xdist a copy of its own."""
        from harness.errors import BackupError
        from harness.printable import printable

        worker, absent = node.gateway.id, self.guard is not None and self.guard.result.absent
        try:
            node.workerinput["guarded_database"] = self.copies.make(worker, absent=absent)
        except BackupError as error:
            why = printable(f"{worker} gets no copy of the database: {error}")
            pytest.exit(why, returncode=FAILED)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Hear from a worker how its tests were brought back."""
        self.brought_back.update(getattr(node, "workeroutput", {}).get("harness_each_test", {}))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Bring the baseline back, once fixtures and workers are gone."""
        self._finish()
        if self.lines and not self.proven:
            session.exitstatus = FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what the tests left and whether the database is proven back."""
        if self.lines:
            terminalreporter.section("harness guard", green=self.proven, red=not self.proven)
            self.brought_back.update(self.config.stash.get(BROUGHT_BACK, {}))
            for how, tests in sorted(self.brought_back.items()):
                terminalreporter.line(f"{tests} x {how}")
            *lines, verdict = self.lines
            for line in lines:
                terminalreporter.line(line)
            terminalreporter.line(verdict, green=self.proven, red=not self.proven, bold=True)
            self.lines = []

    def pytest_unconfigure(self) -> None:
        """Finish also where the session broke off early, and say what no summary has said."""
        self._finish()
        if self.lines and not self.proven:
            sys.stderr.write("\n".join(["harness guard:", *self.lines, ""]))

    def _finish(self) -> None:
        if os.getpid() != self.pid:
            return
        if self.guard is None:
            self.copies.remove()
            self.target.journal.release()  # whatever was opened for them
            return
        from harness.guard import telling
        from harness.guard.entrance import finished
        from harness.printable import printable

        guard, self.guard, self.finishing = self.guard, None, True
        result = guard.result
        result.own_settings = self.config.stash.get(OWN_SETTINGS, {})
        with _signals_ignored():
            left = self.copies.remove()
            if result.own_settings and _mode_now(self.database):
                result.own_settings = {}
            apart = self.target.is_open_here
            finished(guard, apart=apart)
            self.proven = result.says_clean
            run = telling.Run(self.target.address, result, FAILED)
            more = "pytest -v shows them"
            verbose = self.config.option.verbose > 0
            lines = telling.outcome(run, verbose=verbose, more=more)
            option = "--guard-allow-survivors"
            lines += telling.errors(run, verbose=verbose, more=more, option=option)
            told = [*left, *(_open_here(self.database, result) if apart else ()), *lines]
            if self.proven and result.own_settings:
                told.append(_mode_later(self.database))
            self.lines = [printable(line) for line in (*told, telling.verdict(run))]


def _mode_now(database: Path) -> bool:
    """Put the mode back which the fixtures set, where that can be."""
    from harness.guard.sqlite import rollback_mode

    return rollback_mode.leave_now(database)


def _mode_later(database: Path) -> str:
    """See that it goes back when that can be, and say when."""
    from harness.guard.sqlite import rollback_mode

    sentence = f"{database} is in WAL mode for the fixtures' sake, and somebody is connected: "
    if rollback_mode.leave_later(database):
        return f"{sentence}rollback mode comes back when this process and they have ended"
    return f"{sentence}rollback mode comes back by 'PRAGMA journal_mode=delete'"


def _open_here(database: Path, result: GuardResult) -> Iterator[str]:
    yield f"{database} is open here (sqlite3): another process finishes"
    if not result.says_clean:
        yield "To spare you that: close what is open before the session ends, in a fixture"


def _end(number: int, _: object) -> None:
    pytest.exit(f"ended by {signal.Signals(number).name}", returncode=128 + number)


def _has_signals() -> bool:
    """Whether signals come to this thread; pytest.main may have been called in another."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """Let nobody break off what brings the database back; SIGKILL is for the next start."""
    numbers = (signal.SIGINT, signal.SIGTERM) if _has_signals() else ()
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
