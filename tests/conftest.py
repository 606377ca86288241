"""Shared fixtures: real databases where they are at hand, a folder in memory where there is one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from harness import registry
from tests.command_line import experiment, harness
from tests.neighbour import neighbour
from tests.workloads.baselines import default_baseline, open_copy, small_baseline

# a fixture is found where it is imported
__all__ = ["default_baseline", "experiment", "harness", "neighbour", "open_copy", "small_baseline"]

# How long an example takes says more about the machine than about the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# Real databases nobody here wrote; a folder beside the checkout or one named by the environment.
REAL_DATABASES = Path(
    os.environ.get("HARNESS_REAL_DATABASES")
    or Path(__file__).resolve().parents[2] / "shared" / "databases"
)


@pytest.fixture(scope="session", autouse=True)
def state_folder() -> Iterator[Path]:
    """Keep the second names of these tests' guards apart from those of whoever runs them."""
    memory = Path("/dev/shm")  # noqa: S108 - as below
    root = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    before = os.environ.get("HARNESS_STATE_DIR")
    os.environ["HARNESS_STATE_DIR"] = str(root / "state")
    yield root / "state"
    os.environ.pop("HARNESS_STATE_DIR")
    if before is not None:
        os.environ["HARNESS_STATE_DIR"] = before
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give an empty folder, in memory where the machine has /dev/shm."""
    memory = Path("/dev/shm")  # noqa: S108 - a tmpfs of the system's, and the folder made is private
    root = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
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
