"""Which extra brings a module that is not there: the guard alone needs few, measuring needs many.

The extras are those of the installed package's own metadata; nothing is listed twice.
"""

from __future__ import annotations

import re
from collections import Counter

PACKAGE = "reliability-harness"
_OF_AN_EXTRA = re.compile(r"""([A-Za-z0-9._-]+).*;.*\bextra == ["']([^"']+)["']""")


def advice(error: BaseException) -> str | None:
    """Say in one sentence what to install; None where ``error`` is no module of an extra's."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return None
    module = error.name.partition(".")[0]
    extra = _extras().get(module)
    if extra is None:
        return None
    return f"this needs {module}, which is not installed: pip install '{PACKAGE}[{extra}]'"


def _extras() -> dict[str, str]:
    """Module -> the smallest extra that brings it."""
    # where something is missing, and only there: its import takes longer than all of click's
    from importlib.metadata import PackageNotFoundError, requires  # noqa: PLC0415

    try:
        lines = requires(PACKAGE) or []
    except PackageNotFoundError:  # a source tree on the path
        return {}
    brought = [(found[1], found[2]) for found in map(_OF_AN_EXTRA.match, lines) if found]
    size = Counter(extra for _, extra in brought)  # an extra may bring all that another brings
    # all of them call their module as they call their distribution; the smallest comes last
    return {
        distribution.replace("-", "_"): extra
        for distribution, extra in sorted(brought, key=lambda one: -size[one[1]])
    }
