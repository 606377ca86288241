"""Compare a database's pages with the baseline's: what differs in content, wherever it lies.

Equal pages are equal content. Of those that differ, only the bytes that are content are compared;
where these differ too, the cells of the tree they belong to, in key order, before and after.
Pages that change hands are accounted for: each must have exactly one owner afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from harness.truth.sqlite_pages.affinity import as_read, real_places
from harness.truth.sqlite_pages.baseline import (
    INTERIOR,
    LEAF,
    LOCK,
    ORPHAN,
    OVERFLOW,
    POINTER_MAP,
    TRUNK,
    Baseline,
    Owners,
    as_rows,
)
from harness.truth.sqlite_pages.checks import NOT_RUN, Witness
from harness.truth.sqlite_pages.pages import (
    TABLES,
    Content,
    Entry,
    Image,
    Malformed,
    Node,
    Walk,
    occupied,
    space_adds_up,
    walk,
)
from harness.truth.sqlite_pages.records import SchemaObject, Value, read_schema, values

LISTED = 20  # rowids in a sentence, and sentences
SEQUENCES = ("table", "sqlite_sequence")
Segment = tuple[list[Entry], list[Entry]]  # before, now


@dataclass(slots=True)
class Findings:
    """What a comparison found."""

    rows: bool = True
    exact: bool = True  # what ``rows`` does not look at: sequences, rowids nobody chose
    lost: bool = False
    sentences: list[str] = field(default_factory=list)

    def differ(self, sentence: str, *, lost: bool) -> None:
        """Note a difference in content."""
        self.rows = False
        self.lost = self.lost or lost
        self.sentences.append(sentence)

    def inexact(self, sentence: str) -> None:
        """Note a difference that only the grade ``exact`` minds."""
        self.exact = False
        self.sentences.append(sentence)

    def broken(self, sentence: str) -> None:
        """Note that the file is not sound."""
        self.differ(f"structure: {sentence}", lost=True)

    def listed(self) -> tuple[str, ...]:
        """Return the sentences, the first of them only when there are many."""
        return tuple(shortened(self.sentences))


@dataclass(slots=True)
class TreeDifference:
    """Cells of one b-tree that are not the baseline's; rowids, or counts for index trees."""

    added: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    more: int = 0
    fewer: int = 0
    disorder: bool = False

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(
            self.added or self.missing or self.changed or self.more or self.fewer or self.disorder
        )

    @property
    def lost(self) -> bool:
        """Whether something of the baseline is not there any more."""
        return bool(self.missing or self.changed or self.fewer or self.disorder)

    def sentences(self, name: str, unit: str) -> Iterable[str]:
        """Give one sentence a kind of difference."""
        kinds = (("added", self.added), ("missing", self.missing), ("changed", self.changed))
        for kind, rowids in kinds:
            if rowids:
                numbers = ", ".join(shortened([str(r) for r in rowids]))
                yield f"{name}: {_counted(len(rowids), unit)} {kind} (rowid {numbers})"
        if self.more:
            yield f"{name}: {_counted(self.more, unit)} added"
        if self.fewer:
            yield f"{name}: {_counted(self.fewer, unit)} missing or changed"
        if self.disorder:
            yield f"{name}: {unit} out of order"


def shortened(lines: list[str]) -> list[str]:
    """Keep the first few, and say how many more there are."""
    return lines if len(lines) <= LISTED else [*lines[:LISTED], f"and {len(lines) - LISTED} more"]


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit if count == 1 else {'row': 'rows', 'entry': 'entries'}[unit]}"


class Comparison:
    """One comparison of a file's image with the baseline."""

    def __init__(
        self,
        baseline: Baseline,
        image: Image,
        changed: npt.NDArray[np.int64],
        pristine: Witness,
        live: Witness,
    ) -> None:
        """Take the numbers of the pages whose bytes differ, of those that both files have."""
        self.baseline = baseline
        self.image = image
        self.changed = changed
        self.pristine = pristine
        self.live = live
        self.findings = Findings()
        self.nodes: dict[int, Node] = {}  # the b-tree pages that were read
        self.schema = baseline.schema
        self.alike = self._same_geometry()  # whether pages can be compared one to one
        self.touched: dict[int, set[int]] = {}  # root -> b-tree pages whose cells may differ
        self.gone: list[int] = []  # pages that an owner gave up
        self.came: list[int] = []  # pages that an owner took
        # something that only a full integrity check by SQLite can settle
        self.surprise = not self.alike or 2 * len(changed) > baseline.image.page_count
        self.rebuilt: dict[str, SchemaObject] = {}  # trees whose interior changed, by name
        self.different: dict[str, TreeDifference] = {}  # tables by name
        self.crooked: list[int] = []  # b-tree pages whose free space does not add up
        self.moved: set[str] = set()  # tables whose rows have other rowids
        self.real_places: dict[tuple[str, str], frozenset[int]] = {}  # by tree, once asked for

    def run(self, *, references: bool = True) -> Findings:
        """Compare everything; what cannot be read is broken, not an error.

        ``references``: where rows differ, also list what violates a foreign key and did not.
        """
        try:
            self._settings()
            if self.alike:
                self._touch()
                self._free_list()
            else:
                self._touch_everything()
            if 1 in self.touched:
                self._schema()
            self._trees()
            self._account()
            self._ask_sqlite()
            if references and not self.findings.rows:
                self._references()
        except Malformed as error:
            self.findings.broken(str(error))
        return self.findings

    def _same_geometry(self) -> bool:
        old, new = self.baseline.image.header, self.image.header
        keys = ("page_size", "reserved_bytes")
        same_maps = old.auto_vacuum == new.auto_vacuum
        return same_maps and all(old.settings[key] == new.settings[key] for key in keys)

    def _settings(self) -> None:
        old, new = self.baseline.image.header.settings, self.image.header.settings
        for name, value in old.items():
            if new[name] != value:
                self.findings.differ(f"setting {name}: {value} -> {new[name]}", lost=True)
        before, now = self.baseline.image.header, self.image.header
        if (before.schema_format, before.vacuum) != (now.schema_format, now.vacuum):
            self.surprise = True

    # -- which pages matter -------------------------------------------------------------------

    def _touch(self) -> None:
        """Find the b-tree pages whose cells may differ, and check the free space of the others."""
        owners, last = self.baseline.owners, self.baseline.image.page_count
        here = self.changed[self.changed <= min(last, self.image.page_count)]
        at = here - 1
        fresh = as_rows(np.frombuffer(self.image.data, np.uint8), self.image.page_size)
        differ = ((self.baseline.rows[at] ^ fresh[at]) & self.baseline.masks(here)).any(axis=1)
        roles = owners.role[here]
        for number in here[differ]:
            self._touch_page(int(number))
        for number in here[~differ & ((roles == LEAF) | (roles == INTERIOR))]:
            mask, cell_bytes = self.baseline.space(int(number))
            self._check_space(int(number), mask, cell_bytes)
        if (roles == POINTER_MAP).any():
            self.surprise = True

    def _touch_page(self, number: int) -> None:
        owners = self.baseline.owners
        role = owners.role[number]
        if role in (LEAF, INTERIOR, OVERFLOW):
            page = int(owners.holder[number]) if role == OVERFLOW else number
            self.touched.setdefault(int(owners.tree[number]), set()).add(page)

    def _touch_everything(self) -> None:
        for root in (1, *self.baseline.names):
            self.touched[root] = set(self.baseline.walk(root).leaves)

    def _check_space(self, number: int, mask: bytes, cell_bytes: int) -> None:
        page = self.image.page(number)
        if not space_adds_up(page, number, self.image.usable, mask, cell_bytes):
            self.surprise = True
            self.crooked.append(number)

    # -- schema, trees, pages -----------------------------------------------------------------

    def _schema(self) -> None:
        self.schema = read_schema(self.image)
        for key in sorted(self.baseline.schema.keys() | self.schema.keys()):
            old, new = self.baseline.schema.get(key), self.schema.get(key)
            what = " ".join(key)
            if key == SEQUENCES and (old is None or new is None):
                self.findings.inexact(f"{what} {'missing' if old else 'added'}")
            elif old is None:
                self.findings.differ(f"{what} added", lost=False)
            elif new is None:
                self.findings.differ(f"{what} missing", lost=True)
            elif (old.table, old.sql, not old.root) != (new.table, new.sql, not new.root):
                self.findings.differ(f"{what} changed", lost=True)

    def _trees(self) -> None:
        """Compare every tree that can differ, tables before indexes."""
        if 1 in self.touched:
            self._tree(SchemaObject("table", "sqlite_schema", "sqlite_schema", 1, None), 1)
        keys = sorted(
            self.baseline.schema.keys() | self.schema.keys(), key=lambda k: (k[0] != "table", k)
        )
        for key in keys:
            old, new = self.baseline.schema.get(key), self.schema.get(key)
            if old and old.root and new and new.root:
                if old.root in self.touched or old.root != new.root:
                    self._tree(old, new.root)
            elif old and old.root:
                self._give_up(self.baseline.walk(old.root), set())
            elif new and new.root:
                self._take(walk(self.image, new.root, self._content), set())

    def _tree(self, thing: SchemaObject, root: int) -> None:
        """Compare one tree of the baseline with the tree at ``root`` now."""
        touched = self.touched.get(thing.root, set())
        old_kind, new_kind = self.baseline.image.kind(thing.root), self.image.kind(root)
        if (old_kind in TABLES) != (new_kind in TABLES):
            raise Malformed(
                f"page {root}: {thing.kind} {thing.name} has become another kind of tree"
            )
        if root == thing.root and self._in_place(touched):
            segments = [self._leaf_pair(number) for number in sorted(touched)]
        else:
            segments = self._rebuilt(thing, root, touched)
        unequal = [segment for segment in segments if segment[0] != segment[1]]
        if unequal and thing.root == 1:
            self.surprise = True  # its rows are compared by name; their order is SQLite's to judge
        elif unequal:
            self._report(thing, unequal, old_kind in TABLES)

    def _in_place(self, touched: set[int]) -> bool:
        """Whether only leaves are touched, and all of them are leaves still."""
        role, last = self.baseline.owners.role, self.image.page_count
        if not self.alike or any(role[n] != LEAF or n > last for n in touched):
            return False
        return all(_first_byte(self.image, n) == self.baseline.image.kind(n) for n in touched)

    def _leaf_pair(self, number: int) -> Segment:
        old, new = self.baseline.content(number), self._content(number)
        self.gone += old.chains
        self.came += new.chains
        return old.entries, new.entries

    def _content(self, number: int) -> Content:
        """Read a b-tree page, only what is new in it, and check its free space."""
        if self.alike and self._was_in_a_tree(number):
            known = self.baseline.unchanged(number, self.image.page(number))
            found = self.image.content(number, *known)
        else:
            found = self.image.content(number)
        self.nodes[number] = found.node
        if not self.surprise:  # SQLite is asked about everything then
            mask = occupied(found.page, number, found.node)
            self._check_space(number, mask, sum(cell.size for cell in found.node.cells))
        return found

    def _was_in_a_tree(self, number: int) -> bool:
        last = self.baseline.image.page_count
        return number <= last and self.baseline.owners.role[number] in (LEAF, INTERIOR)

    def _rebuilt(self, thing: SchemaObject, root: int, touched: set[int]) -> list[Segment]:
        """Walk a tree before and now; what lies between leaves that both have must be equal.

        A tree whose cells are the baseline's, in this order, is sound when its pages also add up,
        have one owner each and hold the rowids that the interior sends there: all checked here.
        """
        old, new = self.baseline.walk(thing.root), walk(self.image, root, self._content)
        self.rebuilt[thing.name] = thing
        both = old.leaves.keys() & new.leaves.keys() - touched if self.alike else set()
        if [i for i in old.items if i in both] != [i for i in new.items if i in both]:
            both = set()
        before = self._give_up(old, both)
        now = self._take(new, both)
        for number, bounds in new.leaves.items() - old.leaves.items():
            entries = now[number] if number in now else self._content(number).entries
            _check_bounds(number, [rowid for rowid, _ in entries], bounds)
        runs = zip(_runs(old.items, both), _runs(new.items, both), strict=True)
        return [(_expand(a, before), _expand(b, now)) for a, b in runs if a or b]

    def _give_up(self, tree: Walk, kept: set[int]) -> dict[int, list[Entry]]:
        """Account for the pages of a tree before; return the entries of leaves not ``kept``."""
        return _pages(tree, kept, self.baseline.content, self.gone)

    def _take(self, tree: Walk, kept: set[int]) -> dict[int, list[Entry]]:
        """Account for the pages of a tree now; return the entries of leaves not ``kept``."""
        return _pages(tree, kept, self._content, self.came)

    def _free_list(self) -> None:
        old, new = self.baseline.image.header, self.image.header
        moved = (old.first_trunk, old.free_count) != (new.first_trunk, new.free_count)
        if moved or (self.baseline.owners.role[self._here()] == TRUNK).any():
            trunks, leaves = self.image.free_list()
            self.gone += self.baseline.owners.free
            self.came += trunks + leaves

    def _here(self) -> npt.NDArray[np.int64]:
        return self.changed[self.changed <= self.baseline.image.page_count]

    def _account(self) -> None:
        """Every page that was given up or is new must have been taken once, and no other."""
        if not self.alike:
            Owners(self.image, [1, *(thing.root for thing in self.schema.values() if thing.root)])
            return
        last, now = self.baseline.image.page_count, self.image.page_count
        if not self.gone and not self.came and last == now:
            return
        nobodys = {self.image.lock_page(), *self.image.pointer_maps()}
        wanted = {number for number in self.gone if number <= now}
        wanted |= set(range(last + 1, now + 1)) - nobodys
        role = self.baseline.owners.role
        cut = {n for n in range(now + 1, last + 1) if role[n] not in (POINTER_MAP, LOCK, ORPHAN)}
        taken = set(self.came)
        if len(taken) != len(self.came) or taken != wanted or not cut <= set(self.gone):
            self.surprise = True
        if self.image.header.auto_vacuum and taken != set(self.gone):
            self.surprise = True  # the pointer map must say so too

    # -- what differs -------------------------------------------------------------------------

    def _report(self, thing: SchemaObject, segments: list[Segment], table: bool) -> None:
        if thing.key == SEQUENCES:
            self._sequences(segments)
            return
        found = self._table_rows(thing, segments) if table else self._entries(thing, segments)
        if not found:
            return
        if thing.kind == "table":
            self.different[thing.name] = found
            for line in found.sentences(thing.name, "row"):
                self.findings.differ(line, lost=found.lost)
            return
        explained = self.different.get(thing.table)
        self.findings.rows = False
        self.findings.lost = self.findings.lost or found.lost
        if not explained or (found.lost and not explained.lost):
            self.findings.sentences += found.sentences(f"index {thing.name}", "entry")

    def _table_rows(self, thing: SchemaObject, segments: list[Segment]) -> TreeDifference:
        old = {rowid: payload for before, _ in segments for rowid, payload in before}
        new = {rowid: payload for _, now in segments for rowid, payload in now}
        if len(new) != sum(len(now) for _, now in segments):
            return TreeDifference(disorder=True)  # a rowid twice
        for rowid in old.keys() & new.keys():
            if self._same_row(thing, rowid, old, new):
                del old[rowid], new[rowid]
        if not old and not new:
            order = ([[rowid for rowid, _ in side] for side in segment] for segment in segments)
            return TreeDifference(disorder=any(before != now for before, now in order))
        if old and new and self.pristine.chooses_rowids(thing.name):
            self._set_moved_apart(thing, old, new)
        both = old.keys() & new.keys()
        return TreeDifference(sorted(new.keys() - both), sorted(old.keys() - both), sorted(both))

    def _set_moved_apart(
        self, thing: SchemaObject, old: dict[int, bytes], new: dict[int, bytes]
    ) -> None:
        """Take out rows that are there before and now, at rowids that nobody chose."""
        reals = self._reals(thing)
        before = Counter(as_read(values(payload), reals) for payload in old.values())
        now = Counter(as_read(values(payload), reals) for payload in new.values())
        for rows, moved in ((old, before & now), (new, before & now)):
            for rowid in sorted(rows, reverse=True):
                row = as_read(values(rows[rowid]), reals)
                if moved[row]:
                    moved[row] -= 1
                    del rows[rowid]
                    self.moved.add(thing.name)
        if thing.name in self.moved:
            self.findings.inexact(f"{thing.name}: the same rows at other rowids")

    def _same_row(
        self, thing: SchemaObject, rowid: int, old: dict[int, bytes], new: dict[int, bytes]
    ) -> bool:
        """Whether two payloads are one row, whichever of its encodings each of them has.

        Integers of other widths, whole numbers in REAL columns, columns left to defaults.
        """
        if old[rowid] == new[rowid]:
            return True
        before, now = values(old[rowid]), values(new[rowid])
        if len(before) == len(now):
            if before == now or not _may_read_alike(before, now):
                return before == now
            reals = self._reals(thing)
            return as_read(before, reals) == as_read(now, reals)
        rows = self.pristine.rows(thing.name, rowid), self.live.rows(thing.name, rowid)
        return rows[0] is not None and repr(rows[0]) == repr(rows[1])  # 0.0 is not -0.0

    def _reals(self, thing: SchemaObject) -> frozenset[int]:
        """Return which fields of its records are REAL columns; asked where it matters only."""
        if thing.key not in self.real_places:
            self.real_places[thing.key] = real_places(self.pristine.connection(), thing)
        return self.real_places[thing.key]

    def _entries(self, thing: SchemaObject, segments: list[Segment]) -> TreeDifference:
        old = Counter(payload for before, _ in segments for _, payload in before)
        new = Counter(payload for _, now in segments for _, payload in now)
        reals = frozenset[int]()
        before, now = _by_value(old - new), _by_value(new - old)
        if before - now and now - before:
            reals = self._reals(thing)
            before, now = _by_value(old - new, reals), _by_value(new - old, reals)
        if thing.table in self.moved:  # an entry ends with its row's rowid
            before, now = _without_last(before), _without_last(now)
        missing, added = (before - now).total(), (now - before).total()
        if thing.kind == "table" and missing and added and _widths(before) != _widths(now):
            rows = self.pristine.rows(thing.name), self.live.rows(thing.name)
            if rows[0] is not None and rows[1] is not None:  # columns left to defaults
                whole = Counter(map(repr, rows[0])), Counter(map(repr, rows[1]))
                missing, added = (whole[0] - whole[1]).total(), (whole[1] - whole[0]).total()
                return TreeDifference(more=added, fewer=missing)
        found = TreeDifference(more=added, fewer=missing)
        if not found and thing.table not in self.moved:
            found.disorder = any(
                [as_read(values(p), reals) for _, p in a]
                != [as_read(values(p), reals) for _, p in b]
                for a, b in segments
            )
        return found

    def _sequences(self, segments: list[Segment]) -> None:
        old = _by_value(Counter(payload for before, _ in segments for _, payload in before))
        new = _by_value(Counter(payload for _, now in segments for _, payload in now))
        before, now = dict(_sequence(v) for v in old - new), dict(_sequence(v) for v in new - old)
        for name in sorted(before.keys() | now.keys()):
            change = f"{before.get(name, 'none')} -> {now.get(name, 'none')}"
            self.findings.inexact(f"sequence {name}: {change}")
        for _, entries in segments:
            rowids = [rowid for rowid, _ in entries]
            if rowids != sorted(set(rowids)):
                self.surprise = True

    # -- what SQLite says ---------------------------------------------------------------------

    def _ask_sqlite(self) -> None:
        """Ask SQLite about surprises and about trees rebuilt with other rows."""
        unclear = {
            thing.table
            for name, thing in self.rebuilt.items()
            if name in self.different or thing.table in self.different
        } | self.moved
        if self.surprise:
            self._integrity(None)
        else:
            for table in sorted(unclear & {thing.name for thing in self.schema.values()}):
                self._integrity(table)

    def _references(self) -> None:
        new = self.live.violations() - self.pristine.violations()
        lines = [
            f"foreign key: {table} row {rowid} refers to a missing row of {parent}"
            if parent
            else f"foreign keys: {table}"
            for table, rowid, parent in new.elements()
        ]
        self.findings.sentences += shortened(lines)

    def _integrity(self, table: str | None) -> None:
        known = set(self.pristine.integrity(table))
        found = self.live.integrity(table)
        for line in shortened([line for line in found if line not in known]):
            self.findings.broken(line)
        if any(line.startswith(NOT_RUN) for line in found):
            self._look_alone()

    def _look_alone(self) -> None:
        """Check what SQLite cannot (an application's own collation): it is the last word then."""
        for number in self.crooked:
            self.findings.broken(f"page {number}: cells and free space do not add up")
        roots = [1, *(thing.root for thing in self.schema.values() if thing.root)]
        nobodys = Owners(self.image, roots).orphans() - self.baseline.owners.orphans()
        if nobodys > 0:
            self.findings.broken(f"{nobodys} pages belong to nobody")


def _pages(
    tree: Walk, kept: set[int], read: Callable[[int], Content], account: list[int]
) -> dict[int, list[Entry]]:
    """Put a tree's pages, without leaves ``kept``, on an account; return the leaves' entries."""
    account += tree.interiors
    for chain in tree.interiors.values():
        account += chain
    found = {}
    for number in tree.leaves.keys() - kept:
        content = read(number)
        account += (number, *content.chains)
        found[number] = content.entries
    return found


def _first_byte(image: Image, number: int) -> int:
    return image.data[(number - 1) * image.page_size + (100 if number == 1 else 0)]


def _runs(items: list[int | bytes], anchors: set[int]) -> list[list[int | bytes]]:
    """Cut a walk at the leaves that both walks have."""
    runs: list[list[int | bytes]] = [[]]
    for item in items:
        if item in anchors:
            runs.append([])
        else:
            runs[-1].append(item)
    return runs


def _expand(run: list[int | bytes], leaves: dict[int, list[Entry]]) -> list[Entry]:
    entries: list[Entry] = []
    for item in run:
        if isinstance(item, bytes):
            entries.append((0, item))
        else:
            entries += leaves[item]
    return entries


def _may_read_alike(before: tuple[Value, ...], now: tuple[Value, ...]) -> bool:
    """Whether all that differs is an integer in one and a real in the other."""
    kinds = {"integer", "real"}
    return all({a[0], b[0]} == kinds for a, b in zip(before, now, strict=True) if a != b)


def _by_value(
    payloads: Counter[bytes], reals: frozenset[int] = frozenset()
) -> Counter[tuple[Value, ...]]:
    counted: Counter[tuple[Value, ...]] = Counter()
    for payload, count in payloads.items():
        counted[as_read(values(payload), reals)] += count
    return counted


def _without_last(records: Counter[tuple[Value, ...]]) -> Counter[tuple[Value, ...]]:
    counted: Counter[tuple[Value, ...]] = Counter()
    for record, count in records.items():
        counted[record[:-1]] += count
    return counted


def _widths(records: Counter[tuple[Value, ...]]) -> Counter[int]:
    counted: Counter[int] = Counter()
    for record, count in records.items():
        counted[len(record)] += count
    return counted


def _sequence(record: tuple[Value, ...]) -> tuple[str, str]:
    """Return a row of sqlite_sequence as its table's name and its number."""
    texts = [
        content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
        for _, content in (*record, ("null", 0), ("null", 0))
    ]
    return texts[0], texts[1]


def _check_bounds(number: int, rowids: list[int], bounds: tuple[int | None, int | None]) -> None:
    """Raise Malformed when a leaf of a table tree holds rowids that its parents place elsewhere.

    Leaves of index trees have no bounds.
    """
    low, high = bounds
    if rowids and (
        (low is not None and min(rowids) <= low) or (high is not None and max(rowids) > high)
    ):
        raise Malformed(f"page {number}: rowids {min(rowids)} to {max(rowids)} are out of place")
