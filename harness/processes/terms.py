"""How a user's own processes are run, set from outside, and what came of the last one."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.errors import MeasurementError


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    status: int  # what waitpid says: negative for a signal
    timed_out: bool = False
    killed: bool = False  # by ``Terms.kill_after_s``, before it had ended
    left: tuple[str, ...] = ()  # the names of processes that it left running; they were ended
    output: str = ""  # its beginning and its end
    took_s: float = 0.0
    cpu_s: float = 0.0  # that it and all it had waited for have computed


@dataclass(slots=True)
class Terms:
    """The terms a command is run under: none, unless somebody outside sets some."""

    file_size_bytes: int | None = None  # RLIMIT_FSIZE, setrlimit(2)
    usual_s: float = 0.0  # that it takes when nothing is done to it; 0: nobody has tried
    kill_after_s: float | None = None  # SIGKILL to all of it, if it still runs by then
    ended: Ended | None = None  # the last command
    error: MeasurementError | None = None  # why nothing could be run; none of the command's doing
    notes: list[str] = field(default_factory=list)  # what people should know of it, in any case
    outputs: list[str] = field(default_factory=list)  # of commands that failed


__all__ = ["Ended", "Terms"]
