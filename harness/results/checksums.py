"""A checksum of each stored cycle: a value that was changed after it was stored shows.

Linear in the values of the cycle (modulo 2 to the 64, with odd factors), then mixed: one value
changed changes it for certain before the mixing, and after it all but once in four billion. Of a
condition, the sum of its cycles' checksums, so that none can go or come unseen. It is there against
damage and slips; whoever forges results can compute it as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.outcomes import DURATIONS, TIMINGS

TIMED = tuple(f"{name}_us" for name in DURATIONS)  # whole microseconds, -1: did not take place
WHOLE = (
    "cycle", "outcome", "flags", "left_behind", "backup_bytes", "payload_bytes", "grown_bytes",
    *TIMED,
)  # fmt: skip
TEXTS = ("restored_by", "faults", "detail")  # none and empty are the same
# What was not known is added as 0: a row from before it was stored has the checksum that it had.
_FROM = dict.fromkeys(TIMED[len(TIMINGS) :], 1)
_MIX, _HIGH = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)

Numbers = NDArray[np.uint64]


def of_text(text: str | None) -> int:
    """Return a number of 64 bits that stands for ``text``; 0 for none."""
    if not text:
        return 0
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def of_texts(texts: Iterable[str | None]) -> Numbers:
    """Return ``of_text`` of each; each distinct text is computed once."""
    texts = list(texts)
    known = {text: of_text(text) for text in set(texts)}
    return np.fromiter(map(known.__getitem__, texts), dtype=np.uint64, count=len(texts))


def of_cycles(conditions: Numbers, stored: Mapping[str, Any]) -> NDArray[np.int64]:
    """Return the checksum of each cycle, from 0 to 2 to the 32 minus 1.

    Args:
        conditions: ``of_text`` of each cycle's condition, or of the one that all have, shape (1,).
        stored: WHOLE as integers, and of each of TEXTS ``of_texts``.
    """
    total = np.zeros(len(stored["cycle"]), dtype=np.uint64)
    total += conditions * _FACTORS["condition"]
    for name in WHOLE:
        values = np.array(stored[name], dtype=np.int64).view(np.uint64)
        values += np.uint64(_FROM.get(name, 0))
        values *= _FACTORS[name]
        total += values
    for name in TEXTS:
        total += stored[name] * _FACTORS[name]
    total ^= total >> _HIGH
    return ((total * _MIX) >> _HIGH).astype(np.int64)


_FACTORS = {name: np.uint64(of_text(name) | 1) for name in ("condition", *WHOLE, *TEXTS)}
