"""Which faults can strike what a user's database allows: asked of the faults themselves."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from harness import registry
from harness.databases.engines import engine_of
from harness.errors import UnknownName
from harness.experiment.init.looking import Looked
from harness.experiment.plan.planning import shape_of, workload_of
from harness.experiment.written import checks
from harness.experiment.written.project import AUTO, NONE, ProjectSetting
from harness.experiment.written.recoveries import recoveries_that
from harness.experiment.written.settings import Condition
from harness.faults import Fault, Shape
from harness.faults.schedule.plan import slots_in


@dataclass(frozen=True, slots=True)
class Chances:
    """What can strike which cleanup."""

    usual: ClassVar[tuple[str, ...]] = ("timeout", "unseen_child", "disk_full", "io_error")

    recoveries: tuple[str, ...]
    other_recoveries: tuple[str, ...]
    statements: tuple[str, ...]  # an example of a cleanup by SQL
    by_difference: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    by_key: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    function: tuple[str, ...] = ()
    sql: tuple[str, ...] = ()
    never: dict[str, list[str]] = field(default_factory=dict)  # why -> what strikes none of them


def chances_of(copy: Path, looked: Looked) -> Chances:
    """Find out for a private copy of a user's database."""
    engine = engine_of(copy)
    fit = recoveries_that(lambda kind: looked.journal_mode in kind.journal_modes)
    chain = tuple(name for name in engine.default_recoveries if name in fit)
    statements = tuple(
        f"DELETE FROM {engine.quoted(name)} WHERE ..." for name in list(looked.rows)[:1]
    )
    cleanups: dict[str, str | tuple[str, ...]] = {
        "by_difference": "by_difference",
        "none": NONE,
        "by_key": "sql" if looked.fills else NONE,
        "command": "true",
        "function": "package:function",
        "sql": statements,
    }
    shapes = {called: _shapes(copy, looked, chain, cleanup) for called, cleanup in cleanups.items()}
    kinds = {called: tuple(_striking(shapes_of_both)) for called, shapes_of_both in shapes.items()}
    everywhere = {kind for some in kinds.values() for kind in some}
    never: dict[str, list[str]] = {}
    for kind, fault in _faults().items():
        if kind not in everywhere and not fault.control:
            why = fault.why_never(shapes["command"][0]) or fault.contract
            never.setdefault(str(why), []).append(kind)
    others = tuple(name for name in fit if name not in chain)
    return Chances(chain, others, statements, **kinds, never=never)


def _faults() -> dict[str, type[Fault]]:
    faults: dict[str, type[Fault]] = {}
    for name in registry.names("faults"):
        try:
            faults[name] = registry.find("faults", name)
        except UnknownName:
            continue
    return faults


def _shapes(
    copy: Path, looked: Looked, chain: tuple[str, ...], cleanup: str | tuple[str, ...]
) -> tuple[Shape, Shape]:
    """The shape as the file alone tells it, and as the database does."""
    create = AUTO if looked.fills else ("SELECT 1",)
    tables = looked.fills if looked.refused or looked.unread else ()
    condition = Condition(
        name="any",
        project=ProjectSetting(
            database=copy.name, home=str(copy.parent), create=create, tables=tables
        ),
        recoveries=chain,
        cleanup=cleanup,
    )
    with closing(engine_of(copy).connect(copy)) as connection:
        real = shape_of(condition, workload_of(condition, 1), connection)
    return real, checks.shape_of(condition)


def _striking(shapes: tuple[Shape, Shape]) -> list[str]:
    return [
        kind
        for kind, fault in _faults().items()
        if not fault.control and all(slots_in(kind, shape, fault.phases) for shape in shapes)
    ]


__all__ = ["Chances", "chances_of"]
