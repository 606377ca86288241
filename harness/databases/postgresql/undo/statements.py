"""The statements that undo what was recorded of one table, kept in the database beside the log.

A recorded row is text, which is read as a row of its table. Rows are the same where the text of all
stored columns is: for a value's text, and not for what its type calls equal, so that 1.0 does not
pass for 1.00.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.undo.names import INNERMOST, LOG
from harness.databases.postgresql.undo.tables import Recorded


def _row(of: str, columns: Iterable[str]) -> str:
    return f"format('%s', ROW({', '.join(f'{of}.{quoted(one)}' for one in columns)}))"


def net(table: Recorded, having: str, level: str = "$1") -> str:
    """Write the query for what has come (n > 0) or gone (n < 0) on the whole.

    Its rows are (image, n, text): a row as it was recorded, how many of it, and the text by which
    it is known.
    """
    return (
        "SELECT min(r.image) AS image, sum(r.sign)::int8 AS n, r.text FROM ("
        f"SELECT p.image, p.sign, {_row('(p.v)', table.stored)} AS text FROM ("
        f"SELECT l.image, l.sign, l.image::{table.sql} AS v FROM {LOG} l "
        f"WHERE l.relation = {table.oid} AND coalesce(l.level, {INNERMOST}) >= {level} OFFSET 0"
        f") p) r GROUP BY r.text HAVING sum(r.sign) {having}"
    )


def deletion(table: Recorded) -> str:
    """Write what removes the rows that have come: first where they are, in which partition."""
    if not table.is_partitioned:
        return (
            f"DELETE FROM {table.alone} t WHERE t.ctid = ANY (ARRAY(SELECT f.place "
            f"FROM ({_found(table)}) f))"
        )
    return (
        f"FOR one IN SELECT f.home, array_agg(f.place) AS places FROM ({_found(table)}) f "
        "GROUP BY f.home LOOP EXECUTE format('DELETE FROM ONLY %s WHERE ctid = ANY ($1)', "
        "one.home::regclass) USING one.places; END LOOP"
    )


def _found(table: Recorded) -> str:
    """Write the query for the places of rows that have come: (home, place)."""
    come, text = net(table, "> 0"), _row("o", table.stored)
    if not table.key:
        return (
            "SELECT p.home, p.place FROM (SELECT o.tableoid AS home, o.ctid AS place, g.n, "
            f"row_number() OVER (PARTITION BY g.text) AS k FROM {table.alone} o "
            f"JOIN ({come}) g ON {text} = g.text) p WHERE p.k <= p.n"
        )
    same_key = " AND ".join(
        f"o.{quoted(column)} OPERATOR({equal}) (g.v).{quoted(column)}"
        for column, equal in zip(table.key, table.operators, strict=True)
    )
    # one by one, whatever the planner believes that is in the table
    return (
        f"SELECT x.home, x.place FROM (SELECT c.text, c.image::{table.sql} AS v FROM ({come}) c "
        "OFFSET 0) g CROSS JOIN LATERAL (SELECT o.tableoid AS home, o.ctid AS place "
        f"FROM {table.alone} o WHERE {same_key} AND {text} = g.text OFFSET 0) x"
    )


def insertion(table: Recorded) -> str:
    """Write what brings the rows back that have gone; generated columns are computed again."""
    return (
        f"INSERT INTO {table.sql} ({', '.join(map(quoted, table.written))}) "
        f"OVERRIDING SYSTEM VALUE SELECT {', '.join(f'(g.v).{quoted(c)}' for c in table.written)} "
        f"FROM (SELECT c.image::{table.sql} AS v, c.n FROM ({net(table, '< 0')}) c OFFSET 0) g, "
        "generate_series(1, -g.n)"
    )


def remainder(table: Recorded) -> str:
    """Write what counts the rows that have come or gone all the same."""
    return f"SELECT count(*) FROM ({net(table, '<> 0')}) r"


__all__ = ["deletion", "insertion", "net", "remainder"]
