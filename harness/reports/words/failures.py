"""What failed, alike cycles together: the words of it, and its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote

from harness.analysis.failures import Alike
from harness.reports.words.outcomes import CALLED
from harness.reports.words.strength import cycles_of

TITLE = "Failures, alike ones together"
ABOUT = "What raised an error comes first; the command makes the first of these cycles again."
HEADINGS = ("condition", "outcome", "detail", "replay")
TABLES_MOST = 8  # named of what differed


def rows(failed: Mapping[str, Sequence[Alike]], folder: Path) -> list[tuple[str, ...]]:
    """Return a row for each kind of failure of each condition, the worst of each first."""
    return [
        (
            condition,
            CALLED[one.outcome],
            detail(one),
            replay(quote(str(folder)), condition, one.first),
        )
        for condition, alike in failed.items()
        for one in alike
    ]


def detail(one: Alike) -> str:
    """Return what raised an error, in how many cycles, and what differed after them."""
    differed = what_differed(one)
    parts = (cause(one), cycles_of(one.cycles), f"differed: {differed}" if differed else "")
    return "; ".join(filter(None, parts))


def cause(one: Alike) -> str:
    """Return what raised an error."""
    return "; ".join(one.causes) or "nothing raised an error"


def what_differed(one: Alike) -> str:
    """Return "users in 12, bots in 3": in how many of the cycles each table differed."""
    every = one.left.most_common()
    if one.cycles == 1:
        named = [name for name, _ in every[:TABLES_MOST]]
    else:
        named = [f"{name} in {count:,}" for name, count in every[:TABLES_MOST]]
    more = len(every) - len(named)
    return ", ".join(named) + (f" and {more:,} more" if more > 0 else "")


def replay(folder: str, condition: str, cycle: int) -> str:
    """Return the command that makes one cycle again; ``folder`` is quoted already."""
    return f"harness replay {folder} --condition {quote(condition)} --cycle {cycle}"
