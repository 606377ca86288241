"""One thing of a user's own that a cycle does: SQL, or a callable of their package.

A command line is one more, see ``command.py``; ``written.py`` tells which one somebody means.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from harness.databases.errors import is_transient
from harness.errors import CommandFailed, UsageError
from harness.processes.context import Context

Connect = Callable[[Path], Any]  # opens a connection of the engine's own kind


class Part(NamedTuple):
    """One operation of an action: announced as a step, tried again where that may help."""

    operation: str  # "statement 2", "mypackage.e2e:clean", "command"
    run: Callable[[], object]  # raises what went wrong


class Action(ABC):
    """Something of the user's own to do in a cycle."""

    @property
    @abstractmethod
    def operations(self) -> tuple[str, ...]:
        """The operations it is made of, in order; every cycle has the same."""

    @abstractmethod
    def parts(self, context: Context, connect: Connect) -> Iterator[Part]:
        """Give one part after the other; what it opens is closed when the last was taken."""

    def worth(self, error: Exception) -> bool:
        """Whether another attempt at a part may pass; not what might do everything twice."""
        return False

    @property
    def attempts(self) -> bool:
        """Whether a part may be tried again at all."""
        return False

    @property
    def steady(self) -> bool:
        """Whether it does the same in every cycle, so that seeing it once is enough."""
        return False

    @property
    def is_process(self) -> bool:
        """Whether it runs in processes of its own, which can be killed and limited."""
        return False


@dataclass(frozen=True)
class Sql(Action):
    """Statements, each by itself; an experiment may write BEGIN and COMMIT among them."""

    statements: tuple[str, ...]

    @property
    def operations(self) -> tuple[str, ...]:
        """Number the statements."""
        return tuple(f"statement {number + 1}" for number in range(len(self.statements)))

    @property
    def attempts(self) -> bool:
        """A statement that the database refused has done nothing."""
        return True

    @property
    def steady(self) -> bool:
        """The same statements on the same bytes."""
        return True

    def parts(self, context: Context, connect: Connect) -> Iterator[Part]:
        """Give the statements, all on one connection."""
        values = context.bindings()
        with closing(connect(context.database)) as connection:
            for operation, sql in zip(self.operations, self.statements, strict=True):
                yield Part(operation, lambda sql=sql: connection.execute(sql, values).fetchall())  # type: ignore[misc]  # mypy knows no default of a lambda

    def worth(self, error: Exception) -> bool:
        """Try again what may pass: a lock, a full disk."""
        return is_transient(error)


@dataclass(frozen=True)
class Callback(Action):
    """A function of the user's package, called in the worker's own process."""

    name: str  # "package.module:function"
    home: Path  # the folder of the experiment's file, where packages are looked for as well

    @property
    def operations(self) -> tuple[str, ...]:
        """Name the function."""
        return (self.name,)

    def parts(self, context: Context, connect: Connect) -> Iterator[Part]:
        """Give the one call."""
        function = self.function()
        yield Part(self.name, lambda: self._call(function, context))

    def _call(self, function: Callable[[Context], object], context: Context) -> object:
        """Call it; what it does to the process (folder, environment) ends with it.

        Functions are often entry points of programs: one that ends with ``sys.exit()`` or status 0
        has done well, and with any other has failed.
        """
        folder, environment = os.getcwd(), dict(os.environ)
        try:
            return function(context)
        except SystemExit as end:
            if end.code in (None, 0):
                return None
            status = end.code if isinstance(end.code, int) else 1
            told = f"{self.name}: ended with SystemExit({end.code!r})"
            raise CommandFailed(told, reason=f"exit status {status}", status=status) from end
        except KeyboardInterrupt:
            raise
        except Exception as error:
            try:
                str(error)
            except Exception:  # noqa: BLE001 - an error of somebody else's may not even be told
                what = type(error).__name__
                told = f"{self.name}: {what}, which cannot be told: its __str__ fails"
                raise CommandFailed(told, reason=what, status=1) from None
            raise
        except BaseException as error:
            what = type(error).__name__
            raise CommandFailed(f"{self.name}: {what}: {error}", reason=what, status=1) from error
        finally:
            os.chdir(folder)
            if dict(os.environ) != environment:
                os.environ.clear()
                os.environ.update(environment)

    def function(self) -> Callable[[Context], object]:
        """Import the function; UsageError says what is not there."""
        module, _, attribute = self.name.partition(":")
        if str(self.home) not in sys.path:
            sys.path.insert(0, str(self.home))
        try:
            found = getattr(importlib.import_module(module), attribute)
        except (Exception, SystemExit) as error:  # a module of somebody else's may raise anything
            raise UsageError(f"{self.name}: {type(error).__name__}: {error}") from error
        if not callable(found):
            raise UsageError(f"{self.name}: is no function")
        if inspect.iscoroutinefunction(found) or inspect.isgeneratorfunction(found):
            raise UsageError(
                f"{self.name}: does nothing when it is called (it is async, or a generator): name "
                "a function that runs it, as by asyncio.run()"
            )
        _refuse_other_arguments(self.name, found)
        function: Callable[[Context], object] = found
        return function


def _refuse_other_arguments(name: str, function: Callable[..., object]) -> None:
    """Refuse what cannot be called with the one thing that it is given."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # it does not say what it takes
        return
    try:
        signature.bind(None)
    except TypeError as error:
        raise UsageError(
            f"{name}: takes {signature}, but is given one argument, the context: {error}"
        ) from error


__all__ = ["Action", "Callback", "Connect", "Part", "Sql"]
