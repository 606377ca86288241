"""The columns of stored cycles and their types, whichever file they were read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.outcomes import CODES, DURATIONS, OUTCOMES
from harness.results import checksums, sound
from harness.results.rows import (
    CLEANUP_OK,
    CLEANUP_RAN,
    EXACT,
    ROWS,
    SAYS_CLEAN,
    SHADOW_OK,
    SHADOW_RAN,
)
from harness.results.texts import Texts

if TYPE_CHECKING:
    import pandas as pd

Columns = Mapping[str, Any]  # of each of COLUMNS an array, or Texts
Stored = dict[str, Any]  # whole numbers of checksums.WHOLE as they are stored, and Texts of TEXTS

WHOLE = ("left_behind", "backup_bytes", "payload_bytes", "grown_bytes")
TEXTS = ("restored_by", "faults", "detail")
# each by its bits in the column flags of the database: of WHERE_RAN whether one ran, and how
YES_OR_NO = {"rows": ROWS, "exact": EXACT, "says_clean": SAYS_CLEAN}
WHERE_RAN = {  # 1 yes, 0 no, -1 where none ran
    "cleanup_ok": (CLEANUP_RAN, CLEANUP_OK),
    "shadow_ok": (SHADOW_RAN, SHADOW_OK),
}
_PLACES = np.zeros(len(CODES), dtype=np.int8)  # of each code: where in OUTCOMES it is
_PLACES[list(CODES.values())] = [OUTCOMES.index(outcome) for outcome in CODES]
_CODES = np.array([CODES[outcome] for outcome in OUTCOMES], dtype=np.int64)
COLUMNS = (
    "cycle", "outcome", *YES_OR_NO, *WHERE_RAN, "restored_by", *WHOLE,
    *(f"{name}_ms" for name in DURATIONS), "faults", "detail",
)  # fmt: skip


class OnDemand(Mapping[str, Any]):
    """Columns that are made when they are first asked for. Timings, the bulk, are not kept.

    Args:
        makers: of each column, in their order, what makes it.
    """

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        self._makers, self._kept = makers, dict[str, Any]()

    def __getitem__(self, name: str) -> Any:
        """Return a column."""
        if name in self._kept:
            return self._kept[name]
        made = self._makers[name]()
        if self._keeps(name, made):
            self._kept[name] = made
        return made

    def _keeps(self, name: str, made: Any) -> bool:
        return not name.endswith("_ms")

    def __iter__(self) -> Iterator[str]:
        """Give the names of the columns."""
        return iter(self._makers)

    def __len__(self) -> int:
        """Count the columns."""
        return len(self._makers)


class OfStored(OnDemand):
    """Columns of what cycles.sqlite stores, made anew whenever one is asked for.

    Only what takes a byte a cycle is kept.

    Args:
        makers: of each column, in their order, what makes it.
        stored: what they are made of.
        sums: the sum of the cycles' checksums, where all were compared with what is stored.
    """

    def __init__(
        self, makers: Mapping[str, Callable[[], Any]], stored: Stored, sums: int | None
    ) -> None:
        super().__init__(makers)
        self.stored, self._sums = stored, sums

    def _keeps(self, name: str, made: Any) -> bool:
        return bool(made.dtype.itemsize == 1)

    def part(self, cycles: slice) -> OfStored:
        """Return some of the cycles."""
        return of_stored({name: values[cycles] for name, values in self.stored.items()})

    @property
    def checksum(self) -> int | None:
        """The sum of the checksums of these columns' cycles; None where it is not known.

        How something went that never ran is stored, if ever, but stands in no column.
        """
        flags = self.stored["flags"]
        for ran, ok in WHERE_RAN.values():
            if ((flags & (ran | ok)) == ok).any():
                return None
        return self._sums


def typed(raw: Mapping[str, Sequence[Any]]) -> Columns:
    """Give every column as the database keeps it its type: ``of_stored`` of ``stored``."""
    return of_stored(stored(raw))


def stored(raw: Mapping[str, Sequence[Any]]) -> Stored:
    """Check columns as the database keeps them.

    ``raw`` has COLUMNS, but for the column ``flags`` (the bits that harness.results.rows
    names) in place of those that are yes or no, and timings in microseconds, None where a step
    did not take place. Unsound where a value cannot be what a run has stored.
    """
    columns: Stored = {"cycle": sound.whole("cycle", raw["cycle"])}
    sound.ascending(columns["cycle"])
    columns["outcome"] = sound.whole("outcome", raw["outcome"], 0, len(CODES) - 1)
    columns["flags"] = sound.whole("flags", raw["flags"], 0, 127)
    for name in WHOLE:
        least = -sound.LARGEST if name == "grown_bytes" else 0  # a file can shrink
        columns[name] = sound.whole(name, raw[name], least)
    for name in DURATIONS:
        columns[f"{name}_us"] = sound.microseconds(f"{name}_us", raw[f"{name}_ms"])
    for name in TEXTS:
        columns[name] = sound.texts(name, raw[name])
    sound.faults(columns["faults"])
    return columns


def in_ranges(columns: Stored) -> None:
    """Raise Unsound where what a block holds cannot be what a run has stored."""
    most = {"outcome": len(CODES) - 1, "flags": 127}
    for name in ("outcome", "flags", *WHOLE):
        least = -sound.LARGEST if name == "grown_bytes" else 0
        sound.in_range(name, columns[name], least, most.get(name, sound.LARGEST))
    for name in checksums.TIMED:
        sound.in_range(name, columns[name], -1, sound.LONGEST_US)
    sound.faults(columns["faults"])


def of_stored(columns: Stored, sums: int | None = None) -> OfStored:
    """Return COLUMNS of what is stored, in the types that everything computes with.

    ``sums``: of the cycles' checksums, where they were compared with what is stored.
    """
    makers: dict[str, Callable[[], Any]] = {}
    for name in ("cycle", *WHOLE):
        makers[name] = partial(np.asarray, columns[name], dtype=np.int64)
    makers["outcome"] = lambda: _PLACES[columns["outcome"]]
    for name, bit in YES_OR_NO.items():
        makers[name] = partial(_bit, columns["flags"], bit)
    for name, (ran, ok) in WHERE_RAN.items():
        makers[name] = partial(_word, columns["flags"], ran, ok)
    for name in DURATIONS:
        makers[f"{name}_ms"] = partial(_milliseconds, columns[f"{name}_us"])
    for name in TEXTS:
        makers[name] = partial(columns.__getitem__, name)
    return OfStored({name: makers[name] for name in COLUMNS}, columns, sums)


def _bit(flags: NDArray[Any], bit: int) -> NDArray[np.bool_]:
    return np.asarray(flags & bit != 0)


def _word(flags: NDArray[Any], ran: int, ok: int) -> NDArray[np.int8]:
    return np.where(flags & ran != 0, flags & ok != 0, -1).astype(np.int8)


def _milliseconds(took_us: NDArray[Any]) -> NDArray[np.float64]:
    took_ms = took_us / 1000
    took_ms[took_us < 0] = np.nan
    return np.asarray(took_ms, dtype=np.float64)


def joined(parts: Sequence[Stored]) -> Stored:
    """Return what several parts of one condition store, in order of cycle number.

    Unsound where a cycle is in two of them.
    """
    if len(parts) == 1:
        return parts[0]
    whole: Stored = {name: _narrow([part[name] for part in parts]) for name in checksums.WHOLE}
    whole |= {name: Texts.joined([part[name] for part in parts]) for name in TEXTS}
    if (np.diff(whole["cycle"]) <= 0).any():
        order = np.argsort(whole["cycle"], kind="stable")
        whole = {name: values[order] for name, values in whole.items()}
        sound.ascending(whole["cycle"])
    return whole


def _narrow(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Join whole numbers in as few bytes as hold them all: most of the time is the memory's."""
    least, most = min(part.min() for part in parts), max(part.max() for part in parts)
    kind = next(
        kind
        for kind in (np.int8, np.int16, np.int32, np.int64)
        if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max
    )
    return np.concatenate(parts, dtype=kind)


def checked(columns: Columns, same: NDArray[np.bool_] | None = None) -> None:
    """Raise Unsound where columns of another source than the database cannot be true.

    Args:
        columns: in order of cycle number; faults are looked at where they are Texts.
        same: for each row but the first, whether it is of the condition before it; None: all are.
    """
    sound.in_range("cycle", columns["cycle"], 0, sound.LARGEST)
    sound.ascending(columns["cycle"], same)
    for name in WHOLE:
        least = -sound.LARGEST if name == "grown_bytes" else 0
        sound.in_range(name, columns[name], least, sound.LARGEST)
    for name in DURATIONS:
        took_ms = columns[f"{name}_ms"]
        took_ms = np.where(np.isnan(took_ms), 0, took_ms)
        sound.in_range(f"{name}_ms", took_ms, 0, sound.LONGEST_US / 1000)
    if isinstance(columns["faults"], Texts):
        sound.faults(columns["faults"])


def checksums_of(conditions: checksums.Numbers, columns: Mapping[str, Any]) -> NDArray[np.int64]:
    """Return the checksum of each cycle, as the store has computed it.

    Args:
        conditions: see `harness.results.checksums.of_cycles`.
        columns: COLUMNS; texts as Texts, or as `harness.results.checksums.of_texts` gives them.
    """
    flags = np.zeros(len(columns["cycle"]), dtype=np.int64)
    for name, bit in YES_OR_NO.items():
        flags += columns[name].astype(np.int64) * bit
    for name, (ran, ok) in WHERE_RAN.items():
        flags += (columns[name] >= 0) * ran + (columns[name] == 1) * ok
    whole = {name: columns[name] for name in ("cycle", *WHOLE)}
    whole |= {"outcome": _CODES[columns["outcome"]], "flags": flags}
    for name in TEXTS:
        texts = columns[name]
        whole[name] = texts.numbers() if isinstance(texts, Texts) else texts
    for name in DURATIONS:
        whole[f"{name}_us"] = _microseconds(columns[f"{name}_ms"])
    return checksums.of_cycles(conditions, whole)


def _microseconds(took_ms: NDArray[Any]) -> NDArray[np.int64]:
    took_us = np.rint(took_ms * 1000)
    took_us[np.isnan(took_us)] = -1
    whole: NDArray[np.int64] = took_us.astype(np.int64)
    return whole


def told_apart(columns: Columns, older: NDArray[np.bool_]) -> Columns:
    """Give refusals of an older run their outcome: there they are dirty_known.

    They are known by what did not take place, and by the truth, which found nothing changed.

    Args:
        columns: of all cycles.
        older: which of them were stored before there was that outcome.
    """
    if not older.any():
        return columns
    never = [np.isnan(columns[f"{step}_ms"]) for step in ("create", "cleanup", "verify", "restore")]
    refused = older & columns["exact"] & ~columns["says_clean"] & np.logical_and.reduce(never)
    refused &= columns["outcome"] == OUTCOMES.index("dirty_known")
    codes = np.where(refused, OUTCOMES.index("refused"), columns["outcome"])
    return dict(columns) | {"outcome": codes.astype(np.int8)}


def framed(columns: Columns) -> pd.DataFrame:
    """Make a table of pandas' types of columns as Results.columns gives them."""
    import pandas as pd  # noqa: PLC0415 - slow to import, and a verdict needs none

    table: dict[str, Any] = dict(columns)
    table["outcome"] = pd.Categorical.from_codes(
        columns["outcome"],
        dtype=pd.CategoricalDtype(list(OUTCOMES)),
    )
    for name in WHERE_RAN:
        table[name] = pd.arrays.BooleanArray(columns[name] == 1, columns[name] < 0)
    for name in TEXTS:
        table[name] = pd.Series(columns[name].objects(), dtype=object)
    return pd.DataFrame(table, copy=False)


def unframed(table: pd.DataFrame) -> dict[str, Any]:
    """Return a table's columns as ``checksums_of`` takes them; no cell becomes an object."""
    columns = {name: table[name].to_numpy() for name in ("cycle", *YES_OR_NO, *WHOLE)}
    columns |= {f"{name}_ms": table[f"{name}_ms"].to_numpy() for name in DURATIONS}
    columns["outcome"] = table["outcome"].cat.codes.to_numpy()
    for name in WHERE_RAN:
        columns[name] = table[name].astype("Int8").to_numpy(dtype=np.int8, na_value=-1)
    for name in TEXTS:
        words = table[name].astype("category").cat
        known = checksums.of_texts([*words.categories, None])
        columns[name] = known[words.codes.to_numpy()]  # -1, where there is none, is the last
    return columns
