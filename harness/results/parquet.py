"""cycles.parquet: all cycles of a run in one small file, a row group for each condition.

Written when a run ends, beside cycles.sqlite; published runs have nothing else. Far quicker to
read than the database: columns come as they are, no row becomes an object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import MeasurementError
from harness.outcomes import DURATIONS, OUTCOMES, TIMINGS
from harness.results import checksums, sound
from harness.results.columns import (
    COLUMNS,
    TEXTS,
    WHERE_RAN,
    WHOLE,
    YES_OR_NO,
    Columns,
    checked,
    checksums_of,
    told_apart,
    unframed,
)
from harness.results.sound import Unsound, shown

if TYPE_CHECKING:
    import pandas as pd

# ruff: noqa: PLC0415 - pyarrow is slow to import, and a run without this file needs none

# columns that files written before do not have
_SINCE = ("shadow_ok", *(f"{name}_ms" for name in DURATIONS[len(TIMINGS) :]))
_TOTALS = b"harness.totals"  # key of {condition: [cycles, sum of their checksums]}
_KINDS = {  # how the types of columns begin; of all others: double
    **dict.fromkeys(("condition", "outcome", *TEXTS), "dictionary<values=string"),
    **dict.fromkeys((*YES_OR_NO, *WHERE_RAN), "bool"),
    **dict.fromkeys(("cycle", *WHOLE), "int64"),
}


class CyclesFile:
    """One cycles.parquet, for reading.

    MeasurementError, which names the file, row and column, and what to do, when it is damaged, no
    such file, or holds what no run of these conditions has stored.

    Args:
        path: of the file.
        conditions: the names that run.json knows.
    """

    def __init__(self, path: Path, conditions: Sequence[str]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self.path = path
        try:
            self._file = parquet.ParquetFile(
                path,
                read_dictionary=["condition", "outcome", *TEXTS],
                memory_map=True,
                page_checksum_verification=True,  # of files that have them
            )
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            raise self._damaged(error) from error
        try:
            self._totals = self._check(conditions)
        except UnicodeDecodeError as error:
            self._file.close()
            raise self._damaged(error) from error
        except BaseException:
            self._file.close()
            raise

    def _check(self, conditions: Sequence[str]) -> dict[str, list[int]] | None:
        """Look at columns, types and conditions; return the totals, None of an older file."""
        names = set(self._file.schema_arrow.names)
        missing = {"condition", *COLUMNS} - {*_SINCE} - names
        if missing:
            raise self._damaged(f"there is no column {', '.join(sorted(missing))}")
        self._present = [name for name in COLUMNS if name in names]
        self._at = self._file.schema_arrow.names.index("condition")
        for name in ("condition", *self._present):
            kind = str(self._file.schema_arrow.field(name).type)
            if not kind.startswith(_KINDS.get(name, "double")):
                raise self._damaged(f"column {name} is of type {kind}")
        for name in self.counts():
            if name not in conditions:
                raise self._damaged(f"it has cycles of {shown(name)}, which the run does not know")
        try:
            stored = (self._file.schema_arrow.metadata or {}).get(_TOTALS)
            return None if stored is None else dict(json.loads(stored))
        except (TypeError, ValueError) as error:
            raise self._damaged(f"its totals are no JSON: {error}") from error

    def counts(self) -> dict[str, int]:
        """Return {condition: how many cycles of it are here}."""
        counts: dict[str, int] = {}
        for group in range(self._file.num_row_groups):
            name = self._only(group)
            if name is not None:
                rows = self._file.metadata.row_group(group).num_rows
                counts[name] = counts.get(name, 0) + rows
                continue
            for count in self._read([group], ["condition"])["condition"].value_counts().to_pylist():
                counts[count["values"]] = counts.get(count["values"], 0) + count["counts"]
        return counts

    def columns(self, condition: str) -> Columns:
        """Return the cycles of ``condition`` in order of cycle number, as Results.columns does."""
        table = self._of(condition, self._present)
        try:
            columns = {name: self._column(table, name) for name in COLUMNS}
            if (np.diff(columns["cycle"]) < 0).any():
                order = np.argsort(columns["cycle"], kind="stable")
                columns = {name: values[order] for name, values in columns.items()}
            checked(columns)
        except Unsound as error:
            at = columns["cycle"][error.place]
            raise self._damaged(f"condition {shown(condition)}, cycle {at}, {error}") from error
        except (KeyError, TypeError, ValueError) as error:  # pyarrow's are ValueErrors too
            raise self._damaged(error) from error
        if self._totals is None:
            return told_apart(columns, np.ones(len(columns["cycle"]), dtype=bool))
        summed = {name: checksums.of_texts(columns[name].tolist()) for name in TEXTS}
        self._compare({condition: _total(condition, columns | summed)})
        return columns

    def some(self, condition: str, names: Sequence[str]) -> Columns:
        """Return only these columns, of which nothing is checked but that they can be read."""
        table = self._of(condition, list(names))
        try:
            return {name: self._column(table, name) for name in names}
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(error) from error

    def _of(self, condition: str, names: list[str]) -> Any:
        groups = [
            group
            for group in range(self._file.num_row_groups)
            if self._only(group) in (condition, None)
        ]
        table = self._read(groups, ["condition", *names])
        if any(self._only(group) is None for group in groups):
            import pyarrow.compute as pc

            table = table.filter(pc.equal(table["condition"], condition))
        return table

    def table(self, conditions: Sequence[str]) -> pd.DataFrame:
        """Return all cycles at once, a row each, with a categorical column ``condition`` first.

        In the order of ``conditions``, then of cycle number. Types as in harness.results.columns'
        framed, but that texts are categorical. No cell becomes an object: a million take less
        than a second.
        """
        import pandas as pd
        import pyarrow as pa

        whole = self._read(list(range(self._file.num_row_groups)), ["condition", *self._present])
        may_be_empty = {pa.bool_(): pd.BooleanDtype()}.get
        table: pd.DataFrame = whole.to_pandas(split_blocks=True, types_mapper=may_be_empty)
        known: dict[str, list[str]] = {"condition": list(conditions), "outcome": list(OUTCOMES)}
        for name, categories in known.items():
            table[name] = table[name].cat.set_categories(categories)
            if table[name].isna().any():
                raise self._damaged(f"column {name} says what the run does not know")
        for name in set(_SINCE) - set(self._present):
            unknown = pd.array([pd.NA] * len(table), dtype="boolean")
            table[name] = np.nan if name.endswith("_ms") else unknown
        try:
            for name in YES_OR_NO:
                table[name] = table[name].astype(bool)
        except ValueError as error:
            raise self._damaged(error) from error
        place = table["condition"].cat.codes.to_numpy(dtype=np.int64)
        steps = np.diff(place), np.diff(table["cycle"].to_numpy())
        if (steps[0] < 0).any() or ((steps[0] == 0) & (steps[1] < 0)).any():
            order = np.lexsort((table["cycle"].to_numpy(), place))
            table = table.iloc[order].reset_index(drop=True)
        table["outcome"] = pd.Categorical.from_codes(
            self._checked(table, conditions), dtype=pd.CategoricalDtype(list(OUTCOMES))
        )
        return table[["condition", *COLUMNS]]

    def _checked(self, table: pd.DataFrame, conditions: Sequence[str]) -> Any:
        """Check all conditions' cycles at once; return the outcomes' codes."""
        place = table["condition"].cat.codes.to_numpy(dtype=np.int64)
        columns = unframed(table)
        try:
            same = np.diff(place) == 0
            checked(columns, same)
            _check_faults(table["faults"].cat)
        except Unsound as error:
            name, at = conditions[place[error.place]], columns["cycle"][error.place]
            raise self._damaged(f"condition {shown(name)}, cycle {at}, {error}") from error
        if self._totals is None:
            return told_apart(columns, np.ones(len(table), dtype=bool))["outcome"]
        salts = checksums.of_texts(conditions)[place]
        sums = np.bincount(place, checksums_of(salts, columns), minlength=len(conditions))
        counts = np.bincount(place, minlength=len(conditions))
        self._compare({name: [int(counts[n]), int(sums[n])] for n, name in enumerate(conditions)})
        return columns["outcome"]

    def _compare(self, there: Mapping[str, list[int]]) -> None:
        """Compare [cycles, sum of checksums] of conditions with what was written."""
        for name, total in there.items():
            if total != (self._totals or {}).get(name, [0, 0]):
                raise self._damaged(
                    f"the cycles of condition {shown(name)} are not those that were written"
                )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _only(self, group: int) -> str | None:
        """Return the one condition of a row group; None where it has several, or does not say."""
        known = self._file.metadata.row_group(group).column(self._at).statistics
        if known is None or not known.has_min_max or known.min != known.max or known.null_count:
            return None
        return str(known.min)

    def _read(self, groups: list[int], names: list[str]) -> Any:
        import pyarrow as pa

        try:
            return self._file.read_row_groups(groups, columns=names)
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            raise self._damaged(error) from error

    def _column(self, table: Any, name: str) -> Any:
        if name in _SINCE and name not in self._present:
            nan = name.endswith("_ms")
            return np.full(table.num_rows, np.nan) if nan else np.full(table.num_rows, -1, np.int8)
        column = table[name]
        if name.endswith("_ms"):
            import pyarrow.compute as pc

            if pc.any(pc.is_nan(column)).as_py():
                raise ValueError(f"column {name} has a value that is no number")
        if column.null_count and name not in (*TEXTS, *WHERE_RAN) and not name.endswith("_ms"):
            raise ValueError(f"column {name} has empty cells")
        if name == "outcome":
            codes = {outcome: code for code, outcome in enumerate(OUTCOMES)}
            return _words(column, codes.__getitem__, np.int8)
        if name in TEXTS:
            return _words(column, None, object)
        if name in WHERE_RAN:
            import pyarrow as pa

            return column.cast(pa.int8()).fill_null(-1).to_numpy()
        kind = bool if name in YES_OR_NO else np.float64 if name.endswith("_ms") else np.int64
        return column.to_numpy().astype(kind, copy=False)

    def _damaged(self, why: object) -> MeasurementError:
        said = " ".join(str(why).split()).rstrip(". ")
        return MeasurementError(
            f"{self.path}: cannot be read: {said}. Take the file from where it was published "
            "once more; where cycles.sqlite is beside it, delete it: the database has all it says"
        )


def _words(column: Any, code: Any, kind: Any) -> Any:
    """Spread each distinct text (or its code) over the rows that have it; None where empty."""
    parts = []
    for chunk in column.chunks:
        words = chunk.dictionary.to_pylist()
        known = np.empty(len(words) + 1, dtype=kind)
        known[:-1] = [code(word) for word in words] if code else words
        known[-1] = -1 if code else None
        parts.append(known[chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False)])
    return np.concatenate(parts) if parts else np.empty(0, dtype=kind)


def _check_faults(faults: Any) -> None:
    """Check each distinct text of a categorical column once."""
    try:
        sound.faults(faults.categories)
    except Unsound as error:
        first = int(np.flatnonzero(faults.codes.to_numpy() == error.place)[0])
        raise Unsound(error.column, first, error.why) from error


def _total(condition: str, columns: Mapping[str, Any]) -> list[int]:
    """Return how many cycles there are, and the sum of their checksums."""
    sums = checksums_of(checksums.of_texts([condition]), columns)
    return [len(sums), int(sums.sum())]


def write(path: Path, frames: Mapping[str, pd.DataFrame]) -> None:
    """Write all cycles with typed columns, a row group for each condition that has any.

    Args:
        path: of the file; an older one is overwritten.
        frames: by the condition's name, as Results.cycles gives them.
    """
    import pyarrow as pa
    from pyarrow import parquet

    word, yes = pa.dictionary(pa.int32(), pa.string()), pa.bool_()
    totals = {name: _total(name, unframed(frame)) for name, frame in frames.items() if len(frame)}
    schema = pa.schema(
        [("condition", word), ("cycle", pa.int64()), ("outcome", word)]
        + [(name, yes) for name in (*YES_OR_NO, *WHERE_RAN)]
        + [("restored_by", word)]
        + [(name, pa.int64()) for name in WHOLE]
        + [(f"{name}_ms", pa.float64()) for name in DURATIONS]
        + [("faults", word), ("detail", word)],
        metadata={_TOTALS: json.dumps(totals).encode()},
    )
    with parquet.ParquetWriter(
        path, schema, compression="zstd", compression_level=9, write_page_checksum=True
    ) as writer:
        for name, frame in frames.items():
            filled = frame.assign(condition=name, outcome=frame["outcome"].astype(object))
            table = pa.Table.from_pandas(filled, schema, preserve_index=False)
            writer.write_table(table, row_group_size=max(1, len(frame)))
