"""The command line called in this process, and an experiment for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import cli

Call = Callable[..., tuple[int, str, str]]  # arguments -> status, out, err
CHECKOUT = Path(__file__).parents[1]
# Python on Windows has no fcntl.
ELSEWHERE = "import sys; sys.modules['fcntl'] = None; from harness.cli import main; main()"
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
