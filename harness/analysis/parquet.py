"""cycles.parquet: all cycles of a run in one small file, a row group for each condition.

Written when a run ends, beside cycles.sqlite; published runs have nothing else. Far quicker to
read than the database: columns come as they are, no row becomes an object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.analysis.columns import COLUMNS, TEXTS, WHERE_RAN, WHOLE, YES_OR_NO, Columns
from harness.errors import MeasurementError
from harness.experiment.records import OUTCOMES, TIMINGS

if TYPE_CHECKING:
    import pandas as pd

# ruff: noqa: PLC0415 - pyarrow is slow to import, and a run without this file needs none

_SINCE = ("shadow_ok",)  # columns that files written before do not have


class CyclesFile:
    """One cycles.parquet, for reading.

    MeasurementError, which names the file and what to do, when it is damaged or no such file.
    """

    def __init__(self, path: Path) -> None:
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
        except (OSError, pa.ArrowException) as error:
            raise self._damaged(error) from error
        names = set(self._file.schema_arrow.names)
        missing = {"condition", *COLUMNS} - {*_SINCE} - names
        if missing:
            self._file.close()
            raise self._damaged(f"there is no column {', '.join(sorted(missing))}")
        self._present = [name for name in COLUMNS if name in names]
        self._at = self._file.schema_arrow.names.index("condition")

    def counts(self) -> dict[str, int]:
        """Return {condition: how many cycles of it are here}."""
        found: dict[str, int] = {}
        for group in range(self._file.num_row_groups):
            name = self._only(group)
            if name is not None:
                rows = self._file.metadata.row_group(group).num_rows
                found[name] = found.get(name, 0) + rows
                continue
            for one in self._read([group], ["condition"])["condition"].value_counts().to_pylist():
                found[one["values"]] = found.get(one["values"], 0) + one["counts"]
        return found

    def columns(self, condition: str) -> Columns:
        """Return the cycles of ``condition`` in order of cycle number, as Results.columns does."""
        groups = [
            group
            for group in range(self._file.num_row_groups)
            if self._only(group) in (condition, None)
        ]
        table = self._read(groups, ["condition", *self._present])
        if any(self._only(group) is None for group in groups):
            import pyarrow.compute as pc

            table = table.filter(pc.equal(table["condition"], condition))
        try:
            columns = {name: self._column(table, name) for name in COLUMNS}
        except (KeyError, TypeError, ValueError) as error:  # pyarrow's are ValueErrors too
            raise self._damaged(error) from error
        if (np.diff(columns["cycle"]) < 0).any():
            order = np.argsort(columns["cycle"], kind="stable")
            columns = {name: values[order] for name, values in columns.items()}
        return columns

    def table(self, conditions: Sequence[str]) -> pd.DataFrame:
        """Return all cycles at once, a row each, with a categorical column ``condition`` first.

        In the order of ``conditions``, then of cycle number. Types as in harness.analysis.columns'
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
            table[name] = pd.array([pd.NA] * len(table), dtype="boolean")
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
        return table[["condition", *COLUMNS]]

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
        except (OSError, pa.ArrowException) as error:
            raise self._damaged(error) from error

    def _column(self, table: Any, name: str) -> Any:
        if name in _SINCE and name not in self._present:
            return np.full(table.num_rows, -1, dtype=np.int8)
        column = table[name]
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
        said = str(why).rstrip(". ")
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


def write(path: Path, frames: Mapping[str, pd.DataFrame]) -> None:
    """Write all cycles with typed columns, a row group for each condition that has any.

    Args:
        path: of the file; an older one is overwritten.
        frames: by the condition's name, as Results.cycles gives them.
    """
    import pyarrow as pa
    from pyarrow import parquet

    word, yes = pa.dictionary(pa.int32(), pa.string()), pa.bool_()
    schema = pa.schema(
        [("condition", word), ("cycle", pa.int64()), ("outcome", word)]
        + [(name, yes) for name in (*YES_OR_NO, *WHERE_RAN)]
        + [("restored_by", word)]
        + [(name, pa.int64()) for name in WHOLE]
        + [(f"{phase}_ms", pa.float64()) for phase in TIMINGS]
        + [("faults", word), ("detail", word)]
    )
    with parquet.ParquetWriter(
        path, schema, compression="zstd", write_page_checksum=True
    ) as writer:
        for name, frame in frames.items():
            filled = frame.assign(condition=name, outcome=frame["outcome"].astype(object))
            table = pa.Table.from_pandas(filled, schema, preserve_index=False)
            writer.write_table(table, row_group_size=max(1, len(frame)))
