"""The guard around a block of Python: ``with harness.guard(path) as g:``, also ``async with``.

The same care as the command's: what must not be touched is refused, what a killed guard left is
brought back first, and what a restore throws away is kept. Leaving the block proves the baseline or
raises. A kill, and a SIGTERM that nobody handles, leave the journal for the next guard.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context
from copy import copy
from functools import wraps
from types import FrameType, TracebackType
from typing import Any, ParamSpec, TypeVar, cast, get_args

from harness.cleanup import Cleanup
from harness.databases import Grade
from harness.databases.engine import Address, Given
from harness.databases.engines import address_of
from harness.errors import RestoreError, UsageError
from harness.guard import places, telling, waiting
from harness.guard.entrance import Asked, admit, finished, made
from harness.guard.journal import AtWork
from harness.guard.places import Place
from harness.guard.protocol import Guard
from harness.guard.result import GUARD_FAILED, GuardResult
from harness.guard.target import target_of
from harness.guard.waiting import Waiting
from harness.steps import Entity

P = ParamSpec("P")
T = TypeVar("T")

MOST_BUSY_MS = 2**31 - 1  # what SQLite takes


class Guarded:
    """Guard a database while a block, or a function, runs; it is what it was afterwards.

    ``database``, ``result`` (how it went so far) and ``recovered`` (a sentence about what a killed
    guard had left, or None) can be asked in the block and after it.

    Args:
        database: the path of a SQLite file, or the address of a PostgreSQL database.
        cleanup: what deletes the test data before anybody looks: a Cleanup, "by_difference", or a
            shell's command line; none unless given.
        recoveries: how to back up; the next of the chain where one cannot; None: the engine's own
            that can be put back while others are connected.
        grade: whether sequences must be back too ("exact"), or only rows ("rows").
        busy_timeout_ms: how long to wait for the database's lock.
        signs: more words that mean production, beside those that the guard knows.
        i_know: guard also what looks like production, lies on a network, or is in use.
        archives: keep what a restore throws away, beside the database.
        wait_s: how long to wait for another guard on it to end, of another process, thread or task.
        absent_ok: there need not be a database yet; what the block makes is removed again.
        allow_survivors: processes that the block has started may have the database open at its end;
            else that is waited for, and nothing is proven. ``result.survivors`` names them.
        end_survivors: those that live after the wait are ended, also those of a killed guard.
        survivors_wait_s: how long to wait for those that have it open.
    """

    def __init__(
        self,
        database: str | bytes | os.PathLike[str],
        *,
        cleanup: Cleanup | str | None = None,
        recoveries: Sequence[str] | None = None,
        grade: Grade = "exact",
        busy_timeout_ms: int = 1000,
        signs: Sequence[str] = (),
        i_know: bool = False,
        archives: bool = True,
        wait_s: float = 0,
        absent_ok: bool = False,
        allow_survivors: bool = False,
        end_survivors: bool = False,
        survivors_wait_s: float = 5.0,
    ) -> None:
        address = _absolute(database)  # wherever the tests change to
        self._target = target_of(address, busy_timeout_ms=busy_timeout_ms)
        self.database = self._target.given
        self.result = GuardResult()
        self.recovered: str | None = None
        self._asked = Asked(
            cleanup=cleanup,
            recoveries=(recoveries,) if isinstance(recoveries, str) else recoveries,
            grade=grade,
            busy_timeout_ms=busy_timeout_ms,
            signs=(signs,) if isinstance(signs, str) else tuple(signs),
            i_know=i_know,
            archives=archives,
            wait_s=wait_s,
            absent_ok=absent_ok,
            allow_survivors=allow_survivors,
            end_survivors=end_survivors,
            survivors_wait_s=survivors_wait_s,
        )
        _check_options(cleanup, grade, busy_timeout_ms)
        waiting.check(wait_s)
        waiting.check(survivors_wait_s, "survivors_wait_s")
        self._key = ""  # its place among the guarded, while it has one
        self._guard: Guard | None = None
        self._pid = 0  # a child that leaves the block must not finish what its parent began

    def track(self, entities: Sequence[Entity]) -> None:
        """Tell the cleanup what the tests made, in the order they made it."""
        if self._guard is not None:
            self._guard.track(entities)

    # A block.

    def __enter__(self) -> Guarded:
        """Back up; whatever is refused is refused before the block runs.

        Raises:
            UsageError: it cannot be guarded as asked.
            BackupError: nothing could back it up.
            RestoreError: what a killed guard left could not be brought back.
        """
        Waiting(self._asked.wait_s, _log).until_alone(self._enter_once)
        return self

    def _enter_once(self) -> None:
        try:
            with _signals_waiting():  # not between two tries
                self._enter_now()
        except BaseException as error:  # also a signal that waited
            with _signals_waiting():
                if self._begun_here():
                    self._finish(apart=self._target.is_open_here)
                self._end(error)
            raise

    def _enter_now(self) -> None:
        try:
            self._admit(Place.here(waits=False))
            self._begin()
        except BaseException:
            self._target.journal.release()  # whatever was opened to ask it
            self._leave_place()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Clean up, verify, restore if anything is left, verify again.

        Raises:
            RestoreError: the baseline is not proven back; an error of the block's own goes on
                instead, with a note that says so.
        """
        if self._begun_here():
            with _signals_waiting():
                self._finish(apart=self._target.is_open_here)
                self._end(error)

    # A block of asyncio's: the same in a thread, so that the loop goes on.

    async def __aenter__(self) -> Guarded:
        """Back up, as ``__enter__`` does; a cancellation waits until it is done."""
        _needs_asyncio()
        import asyncio  # noqa: PLC0415 - whoever has no loop is spared it

        patience = Waiting(self._asked.wait_s, _log)
        while True:
            try:
                await self._aenter_once()
                return self
            except AtWork as error:
                await asyncio.sleep(patience.pause_s(error))

    async def _aenter_once(self) -> None:
        try:
            self._admit(Place.here(waits=True))
            await _waited(self._begin)
        except BaseException as error:
            await self._leave(error)
            self._target.journal.release()  # whatever was opened to ask it
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Bring the baseline back, as ``__exit__`` does; a cancellation waits until it is done."""
        await self._leave(error)

    async def _leave(self, error: BaseException | None) -> None:
        if self._guard is not None and not self._begun_here():
            return
        try:
            if self._guard is not None:
                # asked in the loop's own thread, to which sqlite3's connections mostly belong
                apart = self._target.is_open_here
                await _waited(lambda: self._finish(apart=apart))
        except BaseException as cancelled:
            self._end(error or cancelled)
            raise
        self._end(error)

    # A function.

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """Guard every call of a function, each anew; also one that is ``async def``."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise UsageError(
                f"{function.__qualname__} is a generator, which runs when its call is over: "
                "write 'with harness.guard(...):' inside it"
            )
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def guarded_coroutine(*args: Any, **kwargs: Any) -> Any:
                async with self._anew():
                    return await function(*args, **kwargs)

            return cast(Callable[P, T], guarded_coroutine)

        @wraps(function)
        def guarded_function(*args: P.args, **kwargs: P.kwargs) -> T:
            with self._anew():
                return function(*args, **kwargs)

        return guarded_function

    def _anew(self) -> Guarded:
        again = copy(self)
        again.result, again.recovered = GuardResult(), None
        again._guard, again._key = None, ""
        return again

    # The steps.

    def _admit(self, place: Place) -> None:
        """Refuse what must not be guarded, and a second guard; nothing is written yet."""
        # anew: what stands there may be something else than when this was made
        self._target = target_of(self._target.address, busy_timeout_ms=self._asked.busy_timeout_ms)
        admit(self._target, self._asked)
        database = self.database
        is_file = isinstance(database, os.PathLike)
        key = os.path.realpath(database) if is_file else self._target.address.whole
        other = places.take(key, place)
        if other is not place:
            guarded = f"{self.database} is already guarded in this process, by a block"
            if other.never_ends_for(place):
                raise UsageError(f"{guarded} around this one: one guard is enough")
            raise AtWork(f"{guarded} of another thread or task", "of another block in this process")
        self._key = key
        if self._target.is_open_here:
            raise UsageError(
                f"{self.database} cannot be guarded while Python's sqlite3 has it open in this "
                "process: two SQLite libraries break each other's locks. Open it inside the block."
            )

    def _begin(self) -> None:
        guard = made(self._target, self._asked, remark=_log, in_process=True)
        self.result, self.recovered = guard.result, guard.result.recovered
        try:
            guard.begin()
        except BaseException:
            guard.abandon()
            raise
        self._guard, self._pid = guard, os.getpid()

    def _begun_here(self) -> bool:
        return self._guard is not None and self._pid == os.getpid()

    def _finish(self, *, apart: bool) -> None:
        """Finish; whatever happens is in the result."""
        guard = self._guard
        assert guard is not None  # noqa: S101 - for mypy: whoever calls has looked
        finished(guard, apart=apart)

    def _leave_place(self) -> None:
        if self._key:
            places.leave(self._key)
            self._key = ""

    def _end(self, error: BaseException | None) -> None:
        """Give the place up, and say it if the baseline is not proven back."""
        guard, self._guard = self._guard, None
        self._leave_place()
        if guard is None or self.result.says_clean:
            return
        guard.abandon()  # also where no thread was to be had any more to finish in
        run = telling.Run(self._target.address, self.result, GUARD_FAILED, self._asked.grade)
        sentence = telling.not_proven(run, more="result.found and result.remaining hold them")
        if error is None:
            raise RestoreError(sentence)
        error.add_note(sentence)


def _log(line: str) -> None:
    """Say it where the program logs; that is standard error unless it says otherwise."""
    import logging  # noqa: PLC0415 - few blocks have anything to say

    logging.getLogger("harness.guard").warning(line)


def _absolute(database: Given) -> Address:
    address = address_of(database, what="database")
    try:
        address = address.absolute()
        if isinstance(address, os.PathLike):
            with suppress(FileNotFoundError):  # whoever admits it says what to do then
                os.lstat(address)
    except (OSError, ValueError) as error:
        given = os.fsdecode(database)
        raise UsageError(f"{given[:200]!r} cannot be the path of a database: {error}") from error
    return address


def _check_options(cleanup: object, grade: object, busy_timeout_ms: object) -> None:
    """Refuse what could fail only when the tests have run."""
    if not isinstance(cleanup, Cleanup | str | None):
        raise UsageError(
            f"cleanup={cleanup!r}: give 'by_difference', a shell's command line, or an object of a "
            "class derived from harness.cleanup.Cleanup"
        )
    if grade not in get_args(Grade):
        raise UsageError(f"grade={grade!r}: give {' or '.join(map(repr, get_args(Grade)))}")
    if type(busy_timeout_ms) is not int or not 0 <= busy_timeout_ms <= MOST_BUSY_MS:
        raise UsageError(f"busy_timeout_ms={busy_timeout_ms!r}: give whole milliseconds")


@contextmanager
def _signals_waiting() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until a step of the guard is done; then they do what they do."""
    before: dict[signal.Signals, Any] = {}
    waiting: list[int] = []

    def take(number: int, frame: FrameType | None) -> None:
        waiting.append(number)

    if threading.current_thread() is threading.main_thread():  # no other receives signals
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, take)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for came in dict.fromkeys(waiting):
            signal.raise_signal(came)


def _needs_asyncio() -> None:
    asyncio = sys.modules.get("asyncio")
    try:
        if asyncio is not None:
            asyncio.get_running_loop()
            return
    except RuntimeError:
        pass
    raise UsageError(
        "'async with harness.guard(...)' works on asyncio only: with another event loop, trio's "
        "for instance, write 'with harness.guard(...)' around what runs the loop"
    )


async def _waited(action: Callable[[], None]) -> None:
    """Run ``action`` in a thread to its end; a cancellation is raised when it has ended.

    No task runs it: the end of ``asyncio.run`` cancels every task, also one whose thread goes on.
    Where the loop itself is gone the wait goes on without one: nobody may let go of the journal
    while the thread removes the backup.
    """
    import asyncio  # noqa: PLC0415 - whoever has no loop is spared it
    from concurrent.futures import ThreadPoolExecutor, wait  # noqa: PLC0415 - as well

    executor = ThreadPoolExecutor(1)  # the loop's own may be full, or shut already
    work = executor.submit(copy_context().run, action)
    executor.shutdown(wait=False)
    cancelled: asyncio.CancelledError | None = None
    try:
        future = asyncio.wrap_future(work)
        while not future.done():
            try:
                await asyncio.wait({future})  # which, cancelled, does not cancel what it waits for
            except asyncio.CancelledError as error:
                cancelled = error
    finally:
        wait([work])
    if cancelled is not None:
        raise cancelled from work.exception()
    work.result()
