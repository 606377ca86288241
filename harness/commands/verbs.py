"""Every verb, and where it stands: its file is loaded when the verb is used, and no other's."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, MutableMapping

import click

# The verb, its file here, and what it is called there.
PLACES = {
    "backend": ("preparing", "backend"),
    "backup": ("by_hand", "backup"),
    "check": ("reading", "check"),
    "compare": ("reading", "compare"),
    "config": ("configuration", "config"),
    "guard": ("guarding", "guard"),
    "init": ("preparing", "init"),
    "list": ("preparing", "list_"),
    "merge": ("merging", "merge"),
    "recover": ("guarding", "recover"),
    "replay": ("running", "replay"),
    "report": ("reading", "report"),
    "restore": ("by_hand", "restore"),
    "run": ("running", "run"),
    "verify": ("by_hand", "verify"),
}


class Verbs(MutableMapping[str, click.Command]):
    """The commands of a group, by name, each loaded when it is first asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        """Give a command; KeyError where there is none."""
        if name not in self._loaded:
            file, attribute = PLACES[name]
            self._loaded[name] = getattr(
                importlib.import_module(f"harness.commands.{file}"), attribute
            )
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        """Put another in its place, as a group may."""
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        """Take away one that was put there."""
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        """Give every name."""
        return iter(dict.fromkeys([*PLACES, *self._loaded]))

    def __len__(self) -> int:
        """Count the names."""
        return len({*PLACES, *self._loaded})
