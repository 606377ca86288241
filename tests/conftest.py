"""What holds for every test, and shared fixtures: real databases, a folder in memory.

Every test has places of its own, a limit of time, and signals that arrive, however it is started.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from harness import registry
from tests import from_elsewhere, own_places
from tests.command_line import experiment, harness
from tests.hearing import hear_signals
from tests.neighbour import neighbour
from tests.postgres import databases, postgres_server
from tests.reflinks import _xfs, sharing
from tests.workloads.baselines import default_baseline, open_copy, small_baseline

# a fixture is found where it is imported
__all__ = [
    "_xfs",
    "databases",
    "default_baseline",
    "experiment",
    "harness",
    "neighbour",
    "open_copy",
    "postgres_server",
    "sharing",
    "small_baseline",
]

# How long an example takes says more about the machine than about the code. They are others in each
# run, so fewer are tried each time; by hand, or over night: HYPOTHESIS_PROFILE=thorough.
settings.register_profile("quick", deadline=None, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

# Real databases nobody here wrote; a folder beside the checkout or one named by the environment.
REAL_DATABASES = Path(
    os.environ.get("HARNESS_REAL_DATABASES")
    or Path(__file__).resolve().parents[2] / "shared" / "databases"
)


LONG_TEST_S = 300  # instead of the limit in pyproject.toml

# What is loaded stays: without looking for garbage among it, collection takes a sixth less.
gc.disable()

# Before anything asks where home or temporary files are; a worker's folder is none of another's.
PLACES = own_places.move_in(first="PYTEST_XDIST_WORKER" not in os.environ)
hear_signals()


def pytest_xdist_auto_num_workers() -> int:
    """Take more workers than there are cores: much of what tests do is waiting for processes."""
    return 2 * (os.cpu_count() or 1)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have workers share the work of compiling all that is loaded."""
    if session.config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        from_elsewhere.load(session.config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """From here on garbage is looked for, in what tests make alone."""
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    PLACES.leave()


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Give long tests a longer limit."""
    for item in items:
        if item.get_closest_marker("long") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LONG_TEST_S))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Fail a test that leaves something in the home or among temporary files."""
    yield
    PLACES.nothing_new()


@pytest.fixture(scope="session", autouse=True)
def _own_folder_of_pytest(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let pytest find its folder; the pytest that a test starts shall not use the same."""
    tmp_path_factory.getbasetemp()
    own_places.pytest_has_its_own()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give an empty folder, in memory where the machine has /dev/shm."""
    root = Path(tempfile.mkdtemp(dir=PLACES.root))
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def real_database(folder: Path) -> Callable[[str], Path]:
    """Copy a real database by its file name, with its -wal; skip where there is none."""

    def copy(name: str) -> Path:
        source = REAL_DATABASES / "sqlite" / name
        if not source.exists():
            pytest.skip(f"no real database {name}: set HARNESS_REAL_DATABASES to their folder")
        for suffix in ("", "-wal"):
            if Path(f"{source}{suffix}").exists():
                shutil.copyfile(f"{source}{suffix}", folder / f"{name}{suffix}")
        return folder / name

    return copy


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a small platform baseline once."""
    path = tmp_path_factory.mktemp("baseline") / "platform.sqlite3"
    registry.find("workloads", "platform").build_baseline(
        path, size_bytes=80 * 4096, seed=1, journal_mode="wal"
    )
    return path
