"""Where a run's cycles go: `--on` as it was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from harness.errors import UsageError
from harness.experiment.written.configuration import Condition

_LOCAL = re.compile(r"local:(\d+)")
_SCHEDULER = re.compile(r"(tcp|tls|ws|wss)://(\[[0-9A-Fa-f:.]+\]|[\w.-]+):(\d{1,5})")
_MOST_LOCAL = 256
_PORTS = 65536


@dataclass(frozen=True, slots=True)
class Where:
    """A scheduler's address, or how many worker processes to start on this machine."""

    text: str  # as it was asked for
    local: int = 0  # 0: ``text`` is a scheduler's address


def where(text: str) -> Where:
    """Read what `--on` says; UsageError where it can be no place."""
    if found := _LOCAL.fullmatch(text):
        if 1 <= int(found[1]) <= _MOST_LOCAL:
            return Where(text, int(found[1]))
        raise UsageError(f"--on {text}: of 1 to {_MOST_LOCAL} worker processes, as local:4")
    found = _SCHEDULER.fullmatch(text)
    if found is None or not 0 < int(found[3]) < _PORTS:
        raise UsageError(
            f"--on {text}: is no place: give a Dask scheduler's address, as tcp://scheduler:8786 "
            "or tls://scheduler:8786, or local:4 for four worker processes on this machine"
        )
    return Where(text)


def refuse_unsent(conditions: Iterable[Condition], place: Where, *, send: bool) -> None:
    """Raise UsageError where a user's own database would have to be sent and nobody said so."""
    for condition in conditions:
        if condition.project is not None and not send and not place.local:
            raise UsageError(
                f"condition {condition.name!r} runs on copies of {condition.project.path}, and "
                f"{place.text} is not to have it unless you say so: with --send-database it is "
                "sent to every worker, and removed there when the run ends"
            )
