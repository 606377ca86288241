"""What a run is asked for, and what it works with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from harness.errors import UsageError
from harness.experiment.cycle.forking import SITE
from harness.experiment.plan.rates import Calibrate, solved
from harness.experiment.run import part
from harness.experiment.written.configuration import Experiment, load
from harness.results.shards import asked

PROGRESS = ("auto", "plain", "json", "none")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What `harness run` is asked for beside the experiment's file."""

    # of every condition, instead of the file's; of strata those drawn; a range: see `part`
    cycles: int | range | None = None
    rates_of: Path | None = None  # a run's folder: take its rates and designs, solve for none
    seed: int | None = None  # instead of the file's
    workers: int | None = None  # processes; None: one a core
    on: str | None = None  # the cluster whose workers run cycles; None: this machine
    send_database: bool = False  # with ``on``: a user's own database may go there
    # the run's folder; None: runs/NAME-SEED, a shard's runs/NAME-SEED-A-B
    output: Path | None = None
    resume: bool = False  # go on with what ``output`` holds; it ends as an unbroken run would
    again: bool = False  # with ``resume``: also cycles whose worker was killed from outside
    overwrite: bool = False  # run anew into a folder of results; they go once it has ended well
    overrides: tuple[str, ...] = ()  # KEY=VALUE, put into the file's values
    progress: str = "auto"  # how it is shown meanwhile: one of PROGRESS
    # End a condition at the first decision on its claims, in order of cycle number: exactly the
    # cycles up to that one are stored, however many workers there are. A condition with strata
    # runs all its cycles: they are judged together.
    stop_when_decided: bool = False

    def experiment(self, path: Path) -> Experiment:
        """Read the experiment in ``path`` as it is asked for; UsageError where it cannot be."""
        experiment = load(path, self.overrides)
        for key, value in (("cycles", self.cycles), ("seed", self.seed)):
            if value is not None and any(_key_of(text) == key for text in self.overrides):
                said = asked(value) if isinstance(value, range) else value
                raise UsageError(f"--{key} {said} and --set {key}=...: which one is meant?")
        if self.cycles is not None:
            part.check_numbers(self.cycles)
        if self.seed is not None and self.seed < 0:
            raise UsageError(f"--seed {self.seed}: must be 0 or more")
        if self.again and not self.resume:
            raise UsageError("--again is about the results that are there: say --resume as well")
        if self.overwrite and self.resume:
            raise UsageError("--overwrite begins anew and --resume goes on: which one is meant?")
        if isinstance(self.cycles, range):
            experiment = part.of(experiment, self.cycles, stop_when_decided=self.stop_when_decided)
        elif self.cycles is not None:
            experiment = experiment.with_cycles(self.cycles)
        return (
            experiment if self.seed is None else experiment.model_copy(update={"seed": self.seed})
        )

    def folder(self, experiment: Experiment) -> Path:
        """Return the run's folder; of a shard that says nothing else it has its range."""
        of_shard = f"-{asked(self.cycles)}" if isinstance(self.cycles, range) else ""
        return self.output or Path("runs") / f"{experiment.name}-{experiment.seed}{of_shard}"

    def to_resume(self, path: Path) -> list[tuple[str, ...]]:
        """Return the command that goes on with this run of ``path``, option by option."""
        given = {
            "--output": self.output,
            "--cycles": asked(self.cycles) if isinstance(self.cycles, range) else self.cycles,
            "--rates-of": self.rates_of,
            "--seed": self.seed,
            "--workers": self.workers,
            "--on": self.on,
        }
        return [
            ("harness", "run", str(path)),
            ("--resume",),
            *((option, str(value)) for option, value in given.items() if value is not None),
            *(("--set", override) for override in self.overrides),
            *([("--send-database",)] if self.send_database else []),
            *([("--stop-when-decided",)] if self.stop_when_decided else []),
        ]

    def processes(self) -> int:
        """Return how many workers there are to be."""
        return self.workers or os.cpu_count() or 1


def _key_of(override: str) -> str:
    return override.partition("=")[0].strip()


@dataclass(frozen=True, slots=True)
class Machinery:
    """What runs the cycles, and where."""

    site: str = SITE  # "module:Class" that runs a cycle
    calibrate: Calibrate = solved  # solves for rates
    watchdog_s: float = 60.0  # a cycle's longest time, its own commands' apart; then it is killed
    work_folder: Path | None = None  # where cycles run; None: /dev/shm where there is room
    console: Console | None = None  # where people read; None: standard output
    progress: Console | None = None  # where they read meanwhile; None: the same, or standard error
