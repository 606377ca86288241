from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.guard.power.real import FILE_SYSTEMS, SCENES, RealDisk, cuts, real_disk, why_not
from tests.guard.power.scenes import Scene
from tests.pipes import line_of

STEP = 13  # of the operations, every so many; `python -m tests.guard.power.real --all` for all
_reason = cache(why_not)


@pytest.fixture(scope="module")
def disk(request: pytest.FixtureRequest) -> Iterator[RealDisk]:
    """Give a file system whose power can be cut; skip where there is none to be had."""
    if reason := _reason(request.param):
        pytest.skip(reason)
    with real_disk(request.param) as made:
        yield made


@pytest.mark.long
@pytest.mark.parametrize(
    ("disk", "scene"),
    [*(("xfs", scene) for scene in SCENES), *(("ext4", scene) for scene in SCENES[::2])],
    indirect=["disk"],
    ids=str,
)
def test_real_power_cuts(disk: RealDisk, scene: Scene) -> None:
    """On a real file system, too, ``recover`` gives the exact baseline after a power cut."""
    count, wrong = cuts(disk, scene, STEP)
    assert not wrong, "\n".join(wrong)
    assert count > 3


@pytest.mark.long
@pytest.mark.parametrize("disk", FILE_SYSTEMS, indirect=True)
def test_where_something_keeps_what_was_mounted(disk: RealDisk) -> None:
    """A process with mount namespaces of its own, as a browser's, is in the way of no power cut."""
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", "echo apart; exec sleep 60"],
        stdout=subprocess.PIPE, text=True,
    ) as apart:  # fmt: skip
        try:
            assert line_of(apart) == "apart\n"
            count, wrong = cuts(disk, SCENES[5], 4 * STEP)
        finally:
            apart.kill()
    assert not wrong, "\n".join(wrong)
    assert count > 1


@pytest.mark.long
def test_the_command_says_how_often_it_cut() -> None:
    """All calls are cut by one command; it tells how many, or why there is nothing to cut."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.guard.power.real",
            "--file-system",
            "ext4",
            "--scene",
            "wal_pin-wal-kept",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if done.returncode == 2 and (reason := _reason("ext4")):
        assert reason in done.stdout
        pytest.skip(reason)
    assert done.returncode == 0, done.stderr
    assert "cuts, 0 wrong" in done.stdout
