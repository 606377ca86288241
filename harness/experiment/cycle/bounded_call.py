"""Call a function in a process of its own, for a bounded time.

A user's own functions run where they are called. One that ends its process, changes its folder,
leaves a thread or never returns must not do so to the program that people started.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from harness.errors import HarnessError, MeasurementError, UsageError
from harness.experiment.cycle.forking import QUIET, SITE, process_context

_LOOK_S = 0.1  # so often it is looked whether somebody wants it to end
_GONE_S = 5.0  # for what it had started to be ended by whoever watches over that

Tell = Callable[[str], None]  # where the called function is


def never() -> bool:
    """Nobody wants it to end."""
    return False


def call_apart(
    function: Callable[..., None],
    *arguments: Any,
    limit_s: float,
    stopped: Callable[[], bool] = never,
) -> None:
    """Call ``function(tell, *arguments)``; what it gives to ``tell`` names the place in errors.

    Args:
        function: of a module; it and its arguments are pickled.
        arguments: after ``tell``.
        limit_s: after so long its process is killed.
        stopped: asked again and again; whether to end it.

    Raises:
        UsageError: its own, or its process has died, or it took too long.
        MeasurementError: its own, or any other error that it raised.
        KeyboardInterrupt: ``stopped`` said so.
    """
    context = process_context(SITE)
    pipe, childs_pipe = context.Pipe()
    process = context.Process(  # type: ignore[attr-defined]  # each context has its own
        target=_serve, args=(childs_pipe, function, arguments), daemon=True
    )
    before = signal.pthread_sigmask(signal.SIG_BLOCK, QUIET)
    try:
        process.start()
    except (EOFError, OSError) as error:
        raise MeasurementError(f"no process can be started: {error!r}") from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        childs_pipe.close()
    try:
        wrong = _outcome(process, pipe, limit_s, stopped)
    finally:
        pipe.close()
        _end(process)
    if wrong is not None:
        raise wrong


def _outcome(
    process: BaseProcess, pipe: Connection, limit_s: float, stopped: Callable[[], bool]
) -> HarnessError | None:
    """Wait for the end; return what went wrong."""
    place, ends = "it", time.monotonic() + limit_s
    while True:
        if stopped():
            raise KeyboardInterrupt
        if time.monotonic() > ends:
            return UsageError(
                f"{place}: did not end within {limit_s:g} s; is it waiting for somebody?"
            )
        try:
            if not pipe.poll(_LOOK_S):
                continue
            word, text = pipe.recv()
        except (EOFError, OSError):
            process.join(_GONE_S)
            return UsageError(
                f"{place}: ended the process that it was called in ({_ending(process)}): a "
                "function must return, or raise an Exception"
            )
        if word == "at":
            place = text
            continue
        if word == "done":
            return None
        if word == "MeasurementError":
            return MeasurementError(text)
        return UsageError(text if word == "UsageError" else f"{place}: {text}")


def _ending(process: BaseProcess) -> str:
    code = process.exitcode or 0
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def _end(process: BaseProcess) -> None:
    """End it and what is in its group; what runs its commands ends those by itself."""
    if process.is_alive():  # it may not lead a group yet
        process.kill()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid or 0, signal.SIGKILL)
    process.join()


def _serve(pipe: Connection, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.setsid()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    message = ("done", "")
    try:
        function(lambda at: pipe.send(("at", at)), *arguments)
    except UsageError as error:
        message = ("UsageError", str(error))
    except HarnessError as error:
        message = ("MeasurementError", str(error))
    except KeyboardInterrupt:
        message = ("", "raised KeyboardInterrupt; a function must return, or raise an Exception")
    except BaseException:  # noqa: BLE001 - nobody foresaw it, so where it was counts
        message = ("MeasurementError", traceback.format_exc()[-2000:])
    pipe.send(message)
    os._exit(0)  # a thread that the user's code has left must not keep it


def _end_with_parent() -> None:
    """Wait for the parent to end; then end too, with all that was started."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.killpg(0, signal.SIGKILL)


__all__ = ["Tell", "call_apart"]
