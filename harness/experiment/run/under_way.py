"""One run under way: what all its steps have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from harness.experiment.run.options import RunOptions
from harness.experiment.run.place import Baselines
from harness.experiment.run.progress import Display, fitted
from harness.experiment.run.workers import Workers
from harness.experiment.written.configuration import Experiment
from harness.printable import printable


@dataclass
class UnderWay:
    """One run under way."""

    source: Path  # the TOML file
    options: RunOptions
    configured: Experiment  # rates may still be to be solved for
    folder: Path
    pool: Workers
    baselines: Baselines
    display: Display
    console: Console
    walls_s: dict[str, float] = field(default_factory=dict)  # by condition

    def say(self, line: str) -> None:
        """Tell people what came of the run."""
        self.console.out(fitted(self.console, printable(line)), highlight=False)

    def tell(self, line: str) -> None:
        """Tell people what is under way."""
        self.display.say(line)
