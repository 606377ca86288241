"""Schemas drawn by hypothesis: the SQL that makes them, and what a reader must find in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from harness.databases.schema import ForeignKey
from harness.databases.sqlite.names import folded, free_rowid
from harness.databases.sqlite.schema import Column

_ODD = ["a", "B", "rowid", "OID", "_rowid_", "select", "check (x", "a.b", "-- no", 'q"q', "[b", "é"]
_ACTIONS = ["NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"]
NAMES = st.sampled_from(_ODD) | st.text("aAbB '\"`];é日", min_size=1, max_size=4)


@dataclass(frozen=True)
class Drawn:
    """One table: its SQL, and what a reader must find."""

    name: str
    sql: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    numbered: str | None
    unique: tuple[str, ...]  # the columns of its UNIQUE constraint; () where it has none
    foreign_keys: tuple[ForeignKey, ...]
    checks: tuple[str, ...]
    remembers: bool  # AUTOINCREMENT
    rowid: str | None


@st.composite
def written(draw: st.DrawFn, name: str) -> str:
    """A name as SQL may write it: in any of three quotes, in any case."""
    shown = "".join(draw(st.sampled_from([c, c.swapcase()])) if c.isascii() else c for c in name)
    ways = ['"' + shown.replace('"', '""') + '"', "`" + shown.replace("`", "``") + "`"]
    if "]" not in shown:
        ways.append(f"[{shown}]")
    return draw(st.sampled_from(ways))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@st.composite
def _columns(draw: st.DrawFn) -> tuple[list[Column], bool]:
    """Draw columns, and whether the rows have no rowid."""
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique_by=folded))
    count = draw(st.integers(0, min(3, len(names))))
    key = draw(st.permutations(names))[:count]
    without = bool(key) and draw(st.booleans())
    columns = []
    for name in names:
        generated = name not in key and len(names) > 1 and draw(st.booleans())
        generated = generated and any(not c.generated for c in columns)
        required = draw(st.booleans())
        place = key.index(name) + 1 if name in key else 0
        columns.append(
            Column(
                name=name,
                type=draw(st.sampled_from(["", "INTEGER", "INT", "VARCHAR(20)", "TEXT"])),
                nullable=not (required or (without and place)),
                default=None if generated else draw(st.sampled_from([None, "7", "'it''s'"])),
                generated=generated,
                key=place,
                hidden=False,
                stored=not generated or draw(st.booleans()),
            )
        )
    return columns, without


def _definition(column: Column) -> str:
    words = [_quoted(column.name), column.type.lower()]
    if not column.nullable:
        words.append("NOT NULL")
    if column.default is not None:
        words.append(f"DEFAULT {column.default}")
    if column.generated:
        words.append("AS (1) STORED" if column.stored else "AS (1)")
    return " ".join(words)


@st.composite
def _foreign_key(
    draw: st.DrawFn, child: str, own: list[str], parents: dict[str, Any]
) -> tuple[str, ForeignKey]:
    """Draw a foreign key to a table there is, the child itself included, or to none."""
    parent = draw(st.sampled_from([*parents, "nowhere"]))
    theirs, key = parents.get(parent, (["x"], ()))
    most = min(len(own), len(theirs))
    count = draw(st.integers(1, most))
    columns = tuple(draw(st.permutations(own))[:count])
    action = draw(st.sampled_from(_ACTIONS))
    if draw(st.booleans()):
        referred = tuple(draw(st.permutations(theirs))[:count])
        ways = [draw(written(one)) if parent in parents else _quoted(one) for one in referred]
        named = f" ({', '.join(ways)})"
    else:
        referred, named = tuple(key), ""
    spelt = _quoted(parent) if parent not in parents else draw(written(parent))
    clause = f" ON DELETE {action}" if action != "NO ACTION" or draw(st.booleans()) else ""
    listed = ", ".join([draw(written(one)) for one in columns])
    sql = f"FOREIGN KEY ({listed}) REFERENCES {spelt}{named}{clause}"
    return sql, ForeignKey(child, columns, parent, referred, action, deferred=False)


@st.composite
def schemas(draw: st.DrawFn) -> list[Drawn]:
    """Draw up to four tables that refer to each other in whatever way."""
    usable = NAMES.filter(lambda name: folded(name) != "nowhere")
    names = draw(st.lists(usable, min_size=1, max_size=4, unique_by=folded))
    shapes = {name: draw(_columns()) for name in names}
    parents = {
        name: ([c.name for c in columns], _key_of(columns)) for name, (columns, _) in shapes.items()
    }
    return [
        draw(_table(name, columns, without, parents)) for name, (columns, without) in shapes.items()
    ]


def _key_of(columns: list[Column]) -> tuple[str, ...]:
    return tuple(c.name for c in sorted(columns, key=lambda one: one.key) if c.key)


@st.composite
def _table(
    draw: st.DrawFn, name: str, columns: list[Column], without: bool, parents: dict[str, Any]
) -> Drawn:
    key = _key_of(columns)
    types = [c.type for c in columns if c.key]
    numbered = key[0] if types == ["INTEGER"] and not without else None
    remembers = numbered is not None and draw(st.booleans())
    parts = [
        _definition(c) + (" PRIMARY KEY AUTOINCREMENT" if remembers and c.key else "")
        for c in columns
    ]
    if key and not remembers:
        parts.append("PRIMARY KEY (" + ", ".join(map(_quoted, key)) + ")")
    own = [c.name for c in columns if not c.generated]
    unique = tuple(draw(st.permutations(own))[: draw(st.integers(0, len(own)))])
    if set(unique) == set(key):
        unique = ()
    if unique:
        parts.append("UNIQUE (" + ", ".join(map(_quoted, unique)) + ")")
    checks = tuple(f"{_quoted(one)} <> 'no)'" for one in draw(st.lists(st.sampled_from(own))))
    parts += [f"CHECK ({check})" for check in checks]
    keys = draw(st.lists(_foreign_key(name, own, parents), max_size=3))
    deferred = bool(keys) and draw(st.booleans())
    parts += [
        sql + (" DEFERRABLE initially  DEFERRED" if deferred and number == 0 else "")
        for number, (sql, _) in enumerate(keys)
    ]
    sql = f"CREATE TABLE {_quoted(name)} (" + ", ".join(parts) + ")"
    return Drawn(
        name=name,
        sql=sql + (" WITHOUT ROWID" if without else ""),
        columns=tuple(columns),
        primary_key=key,
        numbered=numbered,
        unique=unique,
        foreign_keys=tuple(
            ForeignKey(name, k.columns, k.parent, k.referred, k.on_delete, deferred)
            for _, k in reversed(keys)
        ),
        checks=checks,
        remembers=remembers,
        rowid=None if without else free_rowid(c.name for c in columns),
    )
