"""The columns of stored cycles and their types, whichever file they were read from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.experiment.records import CODES, OUTCOMES, TIMINGS

if TYPE_CHECKING:
    import pandas as pd

Columns = dict[str, NDArray[Any]]

WHOLE = ("left_behind", "backup_bytes", "payload_bytes", "grown_bytes")
TEXTS = ("restored_by", "faults", "detail")
YES_OR_NO = ("rows", "exact", "says_clean")
WHERE_RAN = ("cleanup_ok", "shadow_ok")  # 1 yes, 0 no, -1 where none ran
_PLACES = np.zeros(len(CODES), dtype=np.int8)  # of each code: where in OUTCOMES it is
_PLACES[list(CODES.values())] = [OUTCOMES.index(outcome) for outcome in CODES]
COLUMNS = (
    "cycle", "outcome", *YES_OR_NO, *WHERE_RAN, "restored_by", *WHOLE,
    *(f"{phase}_ms" for phase in TIMINGS), "faults", "detail",
)  # fmt: skip


def typed(raw: Mapping[str, Any]) -> Columns:
    """Give every column as the database keeps it its type.

    ``raw`` has COLUMNS, but for the column ``flags`` (the bits that harness.experiment.store
    names) in place of those that are yes or no, and timings in microseconds, None where a step
    did not take place.
    """
    flags = np.array(raw["flags"], dtype=np.int64)
    found: Columns = {name: np.array(raw[name], dtype=np.int64) for name in ("cycle", *WHOLE)}
    found["outcome"] = _PLACES[np.array(raw["outcome"], dtype=np.int64)]
    for name, bit in (("rows", 1), ("exact", 2), ("says_clean", 4)):
        found[name] = flags & bit != 0
    for name, ran, ok in (("cleanup_ok", 8, 16), ("shadow_ok", 32, 64)):
        found[name] = np.where(flags & ran != 0, flags & ok != 0, -1).astype(np.int8)
    for phase in TIMINGS:
        found[f"{phase}_ms"] = np.array(raw[f"{phase}_ms"], dtype=np.float64) / 1000  # None: nan
    for name in TEXTS:
        found[name] = np.empty(len(flags), dtype=object)
        found[name][:] = raw[name]
    return {name: found[name] for name in COLUMNS}


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
        table[name] = pd.Series(columns[name], dtype=object)
    return pd.DataFrame(table, copy=False)
