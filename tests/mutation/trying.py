"""Run tests on a copy of the checkout with a defect in it, and say whether one noticed.

Python and what the tests import from elsewhere are loaded once; each run is a fork of that
process, which loads the copy's own modules, so that a defect costs its tests and little more.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import signal
import sys
import time
import types
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.mutation.choosing import stages
from tests.mutation.sampling import Placed

# What most tests import; a module that is not there is not needed.
_LOADED_ONCE = (
    *("apsw", "hypothesis", "numpy", "pandas", "psutil", "pyarrow.parquet", "scipy.stats"),
    *("_hypothesis_pytestplugin", "pytest_timeout", "xdist.plugin", "click", "httpcore2"),
)
_LEFT_OUT = (".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "node_modules")
_FIRST_FAILED = re.compile(r"^(?:FAILED|ERROR) (tests/\S+\.py(?:::.+?)?)(?: - |$)", re.MULTILINE)
_OPTIONS = ("-q", "-x", "-p", "no:cacheprovider", "-o", "timeout=120", "-m", "not long")
_TESTS_FAILED, _NONE_COLLECTED = 1, 5  # of pytest's exit codes, besides 0
_FAR_BELOW = 4  # times as long as without the defect takes a run that counts as never ending


class Run(NamedTuple):
    """How one run of tests ended."""

    code: int | None  # of pytest; None: it did not end in time
    failed: str  # the first test that failed, or the file that could not be loaded
    seconds: float


class Verdict(NamedTuple):
    """What became of a defect."""

    word: str  # killed, hung (killed as well: the tests never end), survived
    by: str  # the test that noticed
    seconds: float


def load() -> None:
    """Load what the tests import from elsewhere."""
    for name in _LOADED_ONCE:
        with suppress(ImportError):
            importlib.import_module(name)


class Copy:
    """A copy of the checkout, in which one defect at a time is planted."""

    def __init__(self, checkout: Path, place: Path, limit_s: float) -> None:
        """Make the copy at ``place``, which must not be there yet; a step may take ``limit_s``."""
        shutil.copytree(checkout, place, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        self.root, self._limit_s = place, limit_s
        self._output = place.with_name(f"{place.name}.out")
        self._serial = 0
        self._fail_anyway: set[str] = set()
        self._left_out: set[str] = set()  # tests that say nothing of the present defect
        self._sound: dict[tuple[str, ...], Run] = {}  # how they run without a defect

    def judge(self, placed: Placed, steps: int = 4) -> Verdict:
        """Plant a defect, and run tests step by step until one notices; so many steps at most."""
        started = time.monotonic()
        self._left_out = set(self._fail_anyway)
        for tests in stages(self.root, placed.path)[:steps]:
            run = self.planted(placed, tests)
            while run.failed and self._says_nothing(placed, run.failed):
                self._left_out.add(run.failed)
                run = self.planted(placed, tests)
            word = self._noticed(tests, run)
            if word:
                return Verdict(word, run.failed, time.monotonic() - started)
        return Verdict("survived", "", time.monotonic() - started)

    def planted(self, placed: Placed, tests: Sequence[str]) -> Run:
        """Run tests with the defect in its file, which is as before afterwards."""
        path = self.root / placed.path
        source, was = path.read_text("utf-8"), path.stat()
        self._serial += 1
        try:
            path.write_text(placed.mutant.of(source), "utf-8")
            self._dated(path, was.st_mtime_ns + self._serial * 10**9)
            return self.run(tests)
        finally:
            path.write_text(source, "utf-8")
            self._dated(path, was.st_mtime_ns)

    @staticmethod
    def _dated(path: Path, time_ns: int) -> None:
        """Give it a second of its own: by that and the size Python knows whether it compiled it."""
        os.utime(path, ns=(time_ns, time_ns))

    def _says_nothing(self, placed: Placed, test: str) -> bool:
        """Whether a test that failed fails without the defect too, or failed by chance."""
        if test in self._left_out:
            return False  # it was left out, and failed all the same: a whole file that is not read
        if self._without([test]).code != 0:
            self._fail_anyway.add(test)
            return True
        return self.planted(placed, [test]).code == 0

    def _noticed(self, tests: Sequence[str], run: Run) -> str:
        """Say how the tests noticed, "" where they did not.

        A run that ends as badly, or is as slow, without the defect has noticed nothing.
        """
        if run.code in (0, _NONE_COLLECTED):
            return ""
        if run.code is None:
            without = self._without(tests)
            soon = without.code == 0 and without.seconds * _FAR_BELOW < self._limit_s
            return "hung" if soon else ""
        return "killed" if self._without([run.failed] if run.failed else tests).code == 0 else ""

    def _without(self, tests: Sequence[str]) -> Run:
        key = tuple(tests)
        if key not in self._sound:
            self._sound[key] = self.run(tests)
        return self._sound[key]

    def run(self, tests: Sequence[str]) -> Run:
        """Run tests on the copy as it is."""
        started = time.monotonic()
        child = os.fork()
        if not child:
            left_out = [f"--deselect={test}" for test in sorted(self._left_out)]
            _run_and_leave(self.root, self._output, [*_OPTIONS, *left_out, *tests])
        code = _ended(child, started + self._limit_s)
        said = self._output.read_text("utf-8", "replace")
        failed = _FIRST_FAILED.search(said)
        return Run(code, failed.group(1) if failed else "", time.monotonic() - started)


def _ended(child: int, until: float) -> int | None:
    """Wait for a child; its exit code, None where it was killed with all that it had started."""
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _run_and_leave(root: Path, output: Path, arguments: Sequence[str]) -> None:
    """Become the process that runs the copy's tests."""
    code = _TESTS_FAILED
    try:
        os.setsid()
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for standard in (1, 2):
            os.dup2(descriptor, standard)
        sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115 - till the end
        for name in [name for name in sys.modules if name.split(".")[0] in ("harness", "tests")]:
            del sys.modules[name]
        sys.modules["__main__"] = types.ModuleType("__main__")
        sys.argv[:] = ["pytest"]
        os.chdir(root)
        sys.path.insert(0, str(root))
        os.environ["PYTHONPATH"] = str(root)  # for what the tests start
        code = pytest.main(list(arguments))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(code))
