"""Defects planted in a small checkout, and what becomes of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.operators import mutants
from tests.mutation.sampling import Placed
from tests.mutation.test_choosing import ROOT
from tests.mutation.trying import Copy, Verdict

PART = "harness/room/part.py"
SOURCE = """
def least(a, b):
    return a if a < b else b

def counted(n):
    while n > 0:
        n -= 1
    return n

def unseen():
    return 7
"""
TESTS = """
import subprocess, sys
from harness.room.part import counted, least

def test_least():
    assert [least(1, 2), least(2, 1)] == [1, 1]

def test_counted_elsewhere():
    command = "from harness.room.part import counted; print(counted(3))"
    assert subprocess.check_output([sys.executable, "-c", command]) == b"0\\n"
"""
FAILS_ANYWAY = """
from harness.room.part import unseen

def test_of_seven():
    assert unseen() == 8
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A package of one module, and its tests."""
    root = tmp_path / "small"
    for name in ("harness", "harness/room", "tests", "tests/room"):
        (root / name).mkdir(parents=True)
        (root / name / "__init__.py").touch()
    # pytest loads it wherever the package is installed
    (root / "harness/pytest_plugin.py").touch()
    (root / PART).write_text(SOURCE)
    (root / "tests/room/test_part.py").write_text(TESTS)
    (root / "pytest.ini").write_text("[pytest]\nmarkers =\n  long: takes long\n")
    return root


def _judged(checkout: Path, what: str, text: str) -> Verdict:
    """Plant the one defect of that kind and text; afterwards all must be as it was."""
    [mutant] = [one for one in mutants(SOURCE) if (one.what, one.text) == (what, text)]
    copy = Copy(checkout, checkout.with_name("copy"), limit_s=30)
    verdict = copy.judge(Placed(PART, mutant))
    assert (copy.root / PART).read_text() == SOURCE
    assert copy.run(["tests/room/test_part.py"]).code == 0
    return verdict


@pytest.mark.parametrize(
    ("what", "text", "by"),
    [
        ("Lt became GtE", "(a >= b)", "test_least"),
        ("-1", "(-1)", "test_counted_elsewhere"),
    ],
)
def test_a_defect_that_a_test_notices_is_killed(
    checkout: Path, what: str, text: str, by: str
) -> None:
    """By the first test that fails, also where only what it starts meets the defect."""
    verdict = _judged(checkout, what, text)
    assert verdict[:2] == ("killed", f"tests/room/test_part.py::{by}")


@pytest.mark.long
def test_tests_that_never_end_have_noticed(checkout: Path) -> None:
    """They are ended with all that they have started, and known by how soon they end without."""
    assert _judged(checkout, "statement dropped", "pass").word == "hung"


@pytest.mark.long
def test_what_fails_in_any_case_notices_nothing(checkout: Path) -> None:
    """A test that fails without the defect as well says nothing of it, and hides no other."""
    (checkout / "tests/room/test_other.py").write_text(FAILS_ANYWAY)
    assert _judged(checkout, "-1", "(6)").word == "survived"
    (checkout / "tests/room/test_third.py").write_text(FAILS_ANYWAY.replace("== 8", "> 6"))
    shutil.rmtree(checkout.with_name("copy"))
    verdict = _judged(checkout, "-1", "(6)")
    assert verdict[:2] == ("killed", "tests/room/test_third.py::test_of_seven")


def test_root_is_refused() -> None:
    """As root nothing is run, and the reason is told; anybody else is told what would be."""
    command = [sys.executable, "-m", "tests.mutation", "--sample", "3", "--list"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if os.geteuid() == 0:
        assert (done.returncode, done.stdout) == (2, "")
        assert "does not run as root" in done.stderr
    else:
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout.splitlines()) == 3
