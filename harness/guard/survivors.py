"""What the tests have started and what outlives them: waited for, ended when asked, and named.

Who has the database open when the tests have ended may write to it after it was brought back, so
nothing is proven then. Who is no descendant of the tests is none of this: a server that was there
before them is never accused.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from harness.errors import RestoreError
from harness.guard.journal import Entry, how_to_recover
from harness.guard.result import Survivor
from harness.guard.target import Target
from harness.guard.telling import runs_on
from harness.log import Log
from harness.system import descendants, processes
from harness.system.descendants import Mark, Process

_LOG = Log("guard.survivors")
KILLED_WAIT_S = 3.0  # for what a killed guard's tests have started, perhaps just told to end
_POLL_S = 0.05
_CLOSED_S = 0.5  # so long nobody may have it open: many open it for each thing they do

# What is done about those who live when a killed guard is finished.
Dealing = Literal["refuse", "end", "leave"]
Say = Callable[[str], None]


class Survivors:
    """The mark of one guard's tests, and what of them lives when they have ended.

    Args:
        target: the database.
        allowed: one that still has it open is named, and the run counts all the same.
        ended: those that still live after the wait are ended.
        wait_s: how long to wait for those that have it open; for all, where they are ended.
        say: told at once what is waited for, and who was ended.
    """

    def __init__(
        self, target: Target, *, allowed: bool, ended: bool, wait_s: float, say: Say
    ) -> None:
        self._target, self._ends, self._wait_s, self._say = target, ended, wait_s, say
        self.allowed = allowed
        self.mark = Mark()

    def wait(self) -> None:
        """Wait until nobody whom the tests have started has the database open any more."""
        deadline = time.monotonic() + self._wait_s
        closed_at, told = float("-inf"), False
        while living := self.mark.descendants():
            waited = living if self._ends else _with_it_open(self._target, living)
            now = time.monotonic()
            if waited:
                closed_at = now + _CLOSED_S
            if waited and self._wait_s and not told:
                _LOG.info("waiting for process %s, which the tests have started", _named(waited))
                self._say(self._waiting_for(waited))
                told = True
            if now >= deadline or now >= closed_at:
                break
            time.sleep(_POLL_S)
        if living and self._ends:
            end_marked(self.mark.token, self._say)
        end_orphans(self._target, deadline, self._say)

    def _waiting_for(self, waited: set[Process]) -> str:
        does = "lives" if self._ends else f"has {self._target.address} open"
        return (
            f"waiting up to {self._wait_s:g} s for process {_named(waited)}: the tests have "
            f"started it, and it still {does}"
        )

    def left(self) -> tuple[Survivor, ...]:
        """Give those that live now, and which of them have the database open."""
        living = self.mark.descendants()
        holding = _with_it_open(self._target, living)
        processes_left = [
            Survivor(process.pid, _named({process}), process in holding)
            for process in sorted(living)
        ]
        orphans = [Survivor(0, name, has_it_open=True) for name in self._target.orphans()]
        return (*processes_left, *orphans)


def end_orphans(target: Target, deadline: float, say: Say) -> None:
    """Wait for what a server still does for clients that are gone, then end it.

    It would commit later what the tests had begun, and nobody would look then.
    """
    looks = 0
    while orphans := target.orphans():
        named, looks = processes.listed(orphans), looks + 1
        if time.monotonic() >= deadline:
            if not target.end_orphans():
                say(f"ended {named}, whose client was gone")
            return
        if looks == 2:  # most end by themselves at once
            say(f"waiting for {named}: its client is gone, and the server goes on with it")
        time.sleep(_POLL_S)


def end_marked(token: str, say: Say) -> None:
    """End whoever bears a mark, and say whom."""
    names = {process: _named({process}) for process in descendants.descendants(token)}
    if ended := descendants.end(token, KILLED_WAIT_S):
        said = processes.listed([names.get(one, str(one.pid)) for one in sorted(ended)])
        say(f"ended process {said}, which the tests had started")


def refuse_living(
    target: Target,
    entries: list[Entry],
    *,
    dealing: Dealing = "refuse",
    asked: bool = False,
    say: Say = lambda _: None,
) -> None:
    """Wait a moment for what a killed guard's tests have started; RestoreError when it goes on.

    It would write its test data into the baseline that is brought back. ``asked``: people want it
    now, so who is not seen to have the database open, all that time, is named and left alone; not
    the command itself, which is the tests.
    """
    if dealing == "leave":
        return
    end_orphans(target, time.monotonic() + KILLED_WAIT_S, say)
    command, token = _noted(entries), mark_in(entries)
    deadline = time.monotonic() + KILLED_WAIT_S
    living = _still_living(command, token)
    held = _with_it_open(target, living)
    while living and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        living = _still_living(living, token)
        held |= _with_it_open(target, living) if asked else set()
    if living and token and dealing == "end":
        end_marked(token, say)
        living = _still_living(living, token)
    if asked and living and not living & (held | command):
        say(runs_on(_named(living), target.address))
    elif living:
        raise RestoreError(
            f"what the tests of an earlier guard had started still runs, as process "
            f"{_named(living)}, and may write to {target.address}: nothing was touched. "
            f"{_how_to_end(living, how_to_recover(target.address) if token else '')}"
        )


def _how_to_end(living: set[Process], recover: str) -> str:
    around = {process for process in living if process.pid in descendants.around()}
    if around:  # it is never ended from within
        return f"Process {_named(around)} is around this one: leave it, and do this from elsewhere"
    pids = " ".join(str(process.pid) for process in sorted(living))
    also = f" or '{recover} --end-survivors'" if recover else ""
    return f"End it ('kill {pids}'{also})"


def mark_in(entries: list[Entry]) -> str:
    """Give the mark that a journal tells of; "" where it tells of none."""
    return str(entries[0].get("mark", "")) if entries else ""


def is_of_the_dead(entries: list[Entry]) -> bool:
    """Whether the guard that wrote them is gone, and something that it started lives.

    Of one in another container, whose processes have other numbers here, nobody can tell.
    """
    first = entries[0] if entries else {}
    pid, since = first.get("pid"), first.get("started", "")
    if first.get("namespace", here := processes.namespace()) != here:
        return False
    if type(pid) is not int or not isinstance(since, str) or processes.runs(pid, since):
        return False
    token = mark_in(entries)
    return bool(token and descendants.descendants(token))


def _noted(entries: list[Entry]) -> set[Process]:
    """Give the command itself, which the journal names by its number and its start."""
    command = next((entry["command"] for entry in reversed(entries) if "command" in entry), None)
    if command is None:
        return set()
    return {Process(int(command["pid"]), str(command["started"]))}


def _still_living(known: set[Process], token: str) -> set[Process]:
    """Give those of them that run, and who has come since; a child stays one without its parent."""
    come = descendants.descendants(token) if token else set[Process]()
    return {process for process in known if processes.runs(*process)} | come


def _with_it_open(target: Target, living: set[Process]) -> set[Process]:
    pids = target.users() if living else set()
    return {process for process in living if process.pid in pids}


def _named(living: set[Process]) -> str:
    return processes.named(process.pid for process in living)
