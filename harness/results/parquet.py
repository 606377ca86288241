"""cycles.parquet: all cycles of a run in one small file, a row group for each condition.

Written when a run ends, beside cycles.sqlite; published runs have nothing else. Far quicker to
read than the database: columns come as they are, no row becomes an object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
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
    OfStored,
    OnDemand,
    checked,
    checksums_of,
    told_apart,
    unframed,
)
from harness.results.sound import Unsound, shown
from harness.results.texts import Texts

if TYPE_CHECKING:
    import pandas as pd

# ruff: noqa: PLC0415 - pyarrow is slow to import, and a run without this file needs none

# columns that files written before do not have
_SINCE = ("shadow_ok", *(f"{name}_ms" for name in DURATIONS[len(TIMINGS) :]))
_TOTALS = b"harness.totals"  # key of {condition: [cycles, sum of their checksums]}
_ROWS = 1 << 20  # of a row group, at most
_DICTIONARY_BYTES = 1 << 22  # of a column in it: timings recur, to the microsecond
_LEVEL = 1  # of zstd: higher ones take longer and save next to nothing
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
            columns: Columns = {name: self._column(table, name) for name in COLUMNS}
            del table
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
        self._compare({condition: _total(condition, columns)})
        return columns

    def known(self, condition: str) -> Columns:
        """Return the same of a file that is known to hold what was written; each when asked for.

        Nothing is checked but that it can be read: whoever calls it knows the file by its content.
        """
        if self._totals is None:  # an older one: what its outcomes are, the other columns tell
            return self.columns(condition)
        cycles = self.some(condition, ["cycle"])["cycle"]
        if (np.diff(cycles) < 0).any():
            return self.columns(condition)
        makers: dict[str, Callable[[], Any]] = {
            name: partial(self._one, condition, name) for name in COLUMNS
        }
        return OnDemand(makers | {"cycle": lambda: cycles})

    def _one(self, condition: str, name: str) -> Any:
        return self.some(condition, [name])[name]

    def some(self, condition: str, names: Sequence[str]) -> Columns:
        """Return only these columns, of which nothing is checked but that they can be read."""
        table = self._of(condition, [name for name in names if name in self._present])
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
        if all(self._only(group) is not None for group in groups):
            return self._read(groups, names)
        import pyarrow.compute as pc

        table = self._read(groups, ["condition", *names])
        return table.filter(pc.equal(table["condition"], condition))

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

        if not groups:  # older ones than pyarrow 19 take none for the last of a file that has none
            return self._file.schema_arrow.empty_table().select(names)
        try:
            return self._file.read_row_groups(groups, columns=names)
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            raise self._damaged(error) from error

    def _column(self, table: Any, name: str) -> Any:
        if name in _SINCE and name not in self._present:
            nan = name.endswith("_ms")
            return np.full(table.num_rows, np.nan) if nan else np.full(table.num_rows, -1, np.int8)
        column = table[name]
        if column.null_count and name not in (*TEXTS, *WHERE_RAN) and not name.endswith("_ms"):
            raise ValueError(f"column {name} has empty cells")
        if name in ("outcome", *TEXTS):
            words = _words(column)
            return words if name in TEXTS else _codes(words)
        if name in WHERE_RAN:
            return _joined(np.int8, (_word(*_plain(chunk, np.bool_)) for chunk in column.chunks))
        kind = np.bool_ if name in YES_OR_NO else np.float64 if name.endswith("_ms") else np.int64
        if kind is not np.float64:
            return _joined(kind, (_plain(chunk, kind)[0] for chunk in column.chunks))
        values = _joined(kind, (_number(*_plain(chunk, kind)) for chunk in column.chunks))
        if np.count_nonzero(np.isnan(values)) != column.null_count:
            raise ValueError(f"column {name} has a value that is no number")
        return values

    def _damaged(self, why: object) -> MeasurementError:
        said = " ".join(str(why).split()).rstrip(". ")
        return MeasurementError(
            f"{self.path}: cannot be read: {said}. Take the file from where it was published "
            "once more; where cycles.sqlite is beside it, delete it: the database has all it says"
        )


# pyarrow's own way to numpy loads pandas, which takes longer than to read a million cycles


def _plain(chunk: Any, kind: Any) -> tuple[Any, Any]:
    """Return the values of an array of pyarrow, and which of them are there (None: all)."""
    missing, data = chunk.buffers()[:2]
    start, end = chunk.offset, chunk.offset + len(chunk)
    there = None if missing is None or not chunk.null_count else _bits(missing, start, end)
    if not len(chunk):
        return np.empty(0, dtype=kind), there
    if kind is np.bool_:
        return _bits(data, start, end), there
    return np.frombuffer(data, dtype=kind, count=end)[start:], there


def _bits(data: Any, start: int, end: int) -> Any:
    found = np.unpackbits(np.frombuffer(data, dtype=np.uint8), count=end, bitorder="little")
    return found[start:].view(np.bool_)


def _word(said: Any, there: Any) -> Any:
    word = said.astype(np.int8)
    return word if there is None else np.where(there, word, np.int8(-1))


def _number(values: Any, there: Any) -> Any:
    return values if there is None else np.where(there, values, np.nan)


def _joined(kind: Any, parts: Iterable[Any]) -> Any:
    every = list(parts)
    if len(every) == 1:
        return every[0]
    return np.concatenate([np.empty(0, dtype=kind), *every])


def _words(column: Any) -> Texts:
    """Return a column of texts; each chunk has words of its own."""
    parts = []
    for chunk in column.chunks:
        codes, there = _plain(chunk.indices, np.int32)
        codes = codes if there is None else np.where(there, codes, np.int32(-1))
        parts.append(Texts(codes, chunk.dictionary.to_pylist()))
    return Texts.joined(parts)


def _codes(outcomes: Texts) -> Any:
    """Return where in OUTCOMES each is; KeyError for a word that is none."""
    places: dict[str, int] = {outcome: place for place, outcome in enumerate(OUTCOMES)}
    used = outcomes.counts()
    codes = [places[word] if word in used else -1 for word in outcomes.words]
    return np.array([*codes, -1], dtype=np.int8)[outcomes.codes]


def _check_faults(faults: Any) -> None:
    """Check each distinct text of a categorical column once."""
    sound.faults(Texts(faults.codes.to_numpy(), faults.categories.to_list()))


def _total(condition: str, columns: Mapping[str, Any]) -> list[int]:
    """Return how many cycles there are, and the sum of their checksums."""
    if isinstance(columns, OfStored) and (known := columns.checksum) is not None:
        return [len(columns["cycle"]), known]
    sums = checksums_of(checksums.of_texts([condition]), columns)
    return [len(sums), int(sums.sum())]


def write(path: Path, columns: Mapping[str, Columns]) -> None:
    """Write all cycles with typed columns, row groups of its own for each condition that has any.

    Args:
        path: of the file; an older one is overwritten.
        columns: by the condition's name, as Results.columns gives them.
    """
    import pyarrow as pa
    from pyarrow import parquet

    word, yes = pa.dictionary(pa.int32(), pa.string()), pa.bool_()
    counts = {name: len(stored["cycle"]) for name, stored in columns.items()}
    totals = {name: _total(name, stored) for name, stored in columns.items() if counts[name]}
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
        path,
        schema,
        compression="zstd",
        compression_level=_LEVEL,
        use_dictionary=[name for name in schema.names if name != "cycle"],
        column_encoding={"cycle": "DELTA_BINARY_PACKED"},
        dictionary_pagesize_limit=_DICTIONARY_BYTES,
        write_page_checksum=True,
    ) as writer:
        for name, stored in columns.items():
            for group in _groups(stored) if counts[name] else ():
                writer.write_table(_table(schema, name, group), row_group_size=_ROWS)


def _groups(stored: Columns) -> Iterator[Columns]:
    """Give the cycles of each row group; what was read from a file already, all at once."""
    if isinstance(stored, OfStored):
        for start in range(0, len(stored["cycle"]), _ROWS):
            yield stored.part(slice(start, start + _ROWS))
    else:
        yield stored


def _table(schema: Any, name: str, stored: Columns) -> Any:
    import pyarrow as pa

    arrays = [_condition(name, len(stored["cycle"])), *(_array(stored, one) for one in COLUMNS)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _condition(name: str, count: int) -> Any:
    return _dictionary(Texts(np.zeros(count, dtype=np.int32), [name]))


def _array(columns: Columns, name: str) -> Any:
    """Return a column as pyarrow keeps it; what is not known is empty."""
    import pyarrow as pa

    values = columns[name]
    if name == "outcome":
        return _dictionary(Texts(values, OUTCOMES))
    if name in TEXTS:
        return _dictionary(values)
    if name in WHERE_RAN:
        return _given(pa.bool_(), values == 1, values >= 0)
    if name in YES_OR_NO:
        return _given(pa.bool_(), values)
    if name.endswith("_ms"):
        return _given(pa.float64(), values, ~np.isnan(values))
    return _given(pa.int64(), values)


def _dictionary(texts: Texts) -> Any:
    import pyarrow as pa

    codes = texts.codes.astype(np.int32, copy=False)
    words = [word.encode() for word in texts.words]
    ends = np.cumsum([0, *map(len, words)], dtype=np.int32)
    spelled = pa.StringArray.from_buffers(
        len(words), pa.py_buffer(ends), pa.py_buffer(b"".join(words))
    )
    return pa.DictionaryArray.from_arrays(_given(pa.int32(), codes, codes >= 0), spelled)


def _given(kind: Any, values: Any, there: Any = None) -> Any:
    """Return an array of pyarrow; pyarrow's own way from numpy loads pandas as well.

    Args:
        kind: pyarrow's type of a value.
        values: one-dimensional, of that type; numbers are not copied.
        there: which of them are known; None: all.
    """
    import pyarrow as pa

    data = np.packbits(values, bitorder="little") if values.dtype == np.bool_ else values
    known = None if there is None or there.all() else np.packbits(there, bitorder="little")
    buffers = [
        None if each is None else pa.py_buffer(np.ascontiguousarray(each)) for each in (known, data)
    ]
    return pa.Array.from_buffers(kind, len(values), buffers)
