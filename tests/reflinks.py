"""A file system that shares blocks, made in a file for as long as the tests take."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_SIZE_MB = 320  # XFS is made no smaller


@contextmanager
def xfs(folder: Path, size_mb: int = _SIZE_MB) -> Iterator[Path]:
    """Mount an XFS with reflinks in ``folder``; RuntimeError says why there is none to be had."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise RuntimeError("only root mounts a file system, and only on Linux")
    if shutil.which("mkfs.xfs") is None:
        raise RuntimeError("there is no mkfs.xfs here (xfsprogs)")
    image, mounted = folder / "xfs.image", folder / "xfs"
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(size_mb << 20)
    for command in (
        ["mkfs.xfs", "-q", "-m", "reflink=1", str(image)],
        ["mount", "-o", "loop", str(image), str(mounted)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stderr.strip()}")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


@pytest.fixture(scope="session")
def _xfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with xfs(tmp_path_factory.mktemp("reflinks")) as mounted:
        yield mounted


@pytest.fixture
def sharing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system that shares blocks."""
    try:
        mounted: Path = request.getfixturevalue("_xfs")
    except RuntimeError as error:
        pytest.skip(str(error))
    made = mounted / tmp_path.name
    made.mkdir()
    yield made
    shutil.rmtree(made)
