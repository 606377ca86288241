"""What a user's own create, test and cleanup are told of the cycle they are run in."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from harness.processes.terms import Terms


@dataclass(frozen=True, slots=True)
class Context:
    """One cycle, as a user's own code sees it.

    A callable is given this object; a command finds the same in its environment; SQL may bind
    ``:cycle`` and ``:seed``.
    """

    database: Path  # absolute; a copy, never the file that the experiment names
    cycle: int  # 0 is the first
    seed: int  # of this cycle, 0 to 2**62 - 1: the same cycle has the same, wherever it runs
    backend_url: str = ""  # of the proxy before the user's own backend; "" without one
    terms: Terms = field(default_factory=Terms)  # of its commands, set from outside

    @property
    def database_url(self) -> str:
        """The database's address as many libraries write it: ``sqlite:////folder/file``."""
        return f"sqlite:///{quote(str(self.database))}"

    def environment(self) -> dict[str, str]:
        """Return the environment of a command: this process's own, and what it is told."""
        told = {
            "DATABASE_PATH": str(self.database),
            "DATABASE_URL": self.database_url,
            "HARNESS_DATABASE": str(self.database),
            "HARNESS_CYCLE": str(self.cycle),
            "HARNESS_SEED": str(self.seed),
        }
        if self.backend_url:
            told["BACKEND_URL"] = self.backend_url
        return {**os.environ, **told}

    def bindings(self) -> dict[str, int]:
        """Return what SQL may bind."""
        return {"cycle": self.cycle, "seed": self.seed}


__all__ = ["Context"]
