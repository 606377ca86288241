"""The guard: back up, let the tests run, clean up, verify, restore if anything is left, verify.

The package itself can be called: ``with harness.guard("data/dev.sqlite3"): ...``. What guards is
loaded when it is first asked for: a report wants no more than the policies, and wants them also
where nothing can be guarded.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from harness.guard.calling import Callable
from harness.guard.loading import load
from harness.guard.policy import POLICIES, Policy

if TYPE_CHECKING:
    from harness.guard.leftovers import recover
    from harness.guard.protocol import Guard, GuardResult
else:  # to a type checker this would make every name one of the package's

    def __getattr__(name: str) -> Any:
        """Load what is named in ``__all__`` from where it lives."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(load(f"harness.guard.{_HOMES[name]}"), name)


__all__ = ["POLICIES", "Guard", "GuardResult", "Policy", "recover"]

_HOMES = {"Guard": "protocol", "GuardResult": "result", "recover": "leftovers"}

sys.modules[__name__].__class__ = Callable
