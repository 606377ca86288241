"""Compare a database's pages with the baseline's: what differs in content, wherever it lies.

Equal pages are equal content. Of those that differ, only the bytes that are content are compared;
where these differ too, the cells of the tree they belong to, in key order, before and after.
Pages that change hands are accounted for: each must have exactly one owner afterwards.
"""

from __future__ import annotations

from harness.truth.sqlite_pages.changes import Changes
from harness.truth.sqlite_pages.checks import Witnesses
from harness.truth.sqlite_pages.definitions import compare_schema, compare_settings
from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.file_format.cells import TABLES
from harness.truth.sqlite_pages.file_format.records import SchemaObject
from harness.truth.sqlite_pages.findings import Doubts, Findings, TreeDifference
from harness.truth.sqlite_pages.live_file import LiveFile
from harness.truth.sqlite_pages.matching import Matching
from harness.truth.sqlite_pages.page_account import PageAccount
from harness.truth.sqlite_pages.second_opinion import SecondOpinion
from harness.truth.sqlite_pages.sequences import SEQUENCES, compare_sequences
from harness.truth.sqlite_pages.tree_cells import Segment, TreeCells
from harness.truth.sqlite_pages.virtual import VirtualTables

_SCHEMA_TREE = SchemaObject("table", "sqlite_schema", "sqlite_schema", 1, None)


class Comparison:
    """One comparison of a file with the baseline."""

    def __init__(self, changes: Changes, witnesses: Witnesses) -> None:
        """Take the pages that differ, and SQLite's word on both files."""
        self.findings = Findings()
        self.doubts = Doubts(whole_file=not changes.alike or changes.most)
        self.live = LiveFile(changes, self.doubts)
        self._changes = changes
        self._account = PageAccount(changes)
        self._cells = TreeCells(self.live, self._account)
        self._matching = Matching(witnesses)
        self._second_opinion = SecondOpinion(self.live, witnesses, self.findings, self.doubts)
        self._virtual = VirtualTables(changes.baseline.schema, witnesses)
        self._different: dict[str, TreeDifference] = {}  # tables by name

    def run(self, *, references: bool = True) -> Findings:
        """Compare everything; what cannot be read is broken, not an error.

        ``references``: where rows differ, also list what violates a foreign key and did not.
        """
        try:
            self._compare_pages()
            self._compare_trees()
            self._judge_virtual_tables()
            self._settle_account()
            self._doubt_rebuilt_trees()
            self._second_opinion.check_integrity()
            if references and not self.findings.rows:
                self._second_opinion.check_references()
        except Malformed as error:
            self.findings.broken(str(error))
        return self.findings

    def _compare_pages(self) -> None:
        """Compare what is in no tree, and the free space of pages whose cells are the same."""
        changes, doubts = self._changes, self.doubts
        compare_settings(changes.baseline.image.header, changes.image.header, self.findings, doubts)
        if changes.alike:
            doubts.space(*changes.crooked)
            doubts.whole_file = doubts.whole_file or changes.pointer_maps_differ
            self._account.free_list()

    def _compare_trees(self) -> None:
        """Compare every tree that can differ, tables before indexes."""
        before, now = self._changes.baseline.schema, self.live.schema
        if 1 in self._changes.touched:
            compare_schema(before, now, self.findings)
            self._compare_tree(_SCHEMA_TREE, 1)
        for key in sorted(before.keys() | now.keys(), key=lambda key: (key[0] != "table", key)):
            old, new = before.get(key), now.get(key)
            if old and old.root and new and new.root:
                if old.root in self._changes.touched or old.root != new.root:
                    self._compare_tree(old, new.root)
            elif old and old.root:
                self._cells.vanished(old.root)
            elif new and new.root:
                self._cells.appeared(new.root)

    def _compare_tree(self, relation: SchemaObject, root: int) -> None:
        """Compare one tree of the baseline with the tree at ``root`` now."""
        has_rowids = self._changes.baseline.image.kind(relation.root) in TABLES
        if has_rowids != (self._changes.image.kind(root) in TABLES):
            raise Malformed(
                f"page {root}: {relation.kind} {relation.name} has become another kind of tree"
            )
        unequal = self._cells.unequal(relation, root)
        if not unequal:
            return
        if relation is _SCHEMA_TREE:  # its rows were compared by name ...
            self.doubts.whole_file = True  # ... and their order is SQLite's to judge
        elif relation.key == SEQUENCES:
            compare_sequences(unequal, self.findings, self.doubts)
        elif has_rowids:
            self._report(relation, self._match_rows(relation, unequal))
        else:
            self._report(relation, self._matching.entries(relation, unequal))

    def _match_rows(self, table: SchemaObject, segments: list[Segment]) -> TreeDifference:
        difference = self._matching.rows(table, segments)
        if table.name in self._matching.renumbered:
            self.findings.inexact(f"{table.name}: the same rows at other rowids")
        return difference

    def _report(self, relation: SchemaObject, difference: TreeDifference) -> None:
        """Note what differs in a tree; a row that does explains the entries of its indexes."""
        if not difference:
            return
        if relation.kind == "table":
            self._different[relation.name] = difference
        if not self._virtual.takes(relation, difference):
            self._tell(relation, difference)

    def _judge_virtual_tables(self) -> None:
        """Judge each by its own rows; what they do not tell is told as it is stored."""
        for relation, difference in self._virtual.judge(
            self.live.schema, self._different, self.findings
        ):
            self._tell(relation, difference)

    def _tell(self, relation: SchemaObject, difference: TreeDifference) -> None:
        if relation.kind == "table":
            for sentence in difference.sentences(relation.name, "row"):
                self.findings.differ(sentence, lost=difference.lost)
            return
        of_table = self._different.get(relation.table)
        explained = of_table and (of_table.lost or not difference.lost)
        sentences = difference.sentences(f"index {relation.name}", "entry")
        self.findings.differ(*(() if explained else sentences), lost=difference.lost)

    def _settle_account(self) -> None:
        """Every page that was given up or is new must have been taken once, and no other."""
        if not self._changes.alike:
            _ = self.live.owners  # a page with two owners is malformed
        elif not self._account.balances():
            self.doubts.whole_file = True

    def _doubt_rebuilt_trees(self) -> None:
        """Trees that were rebuilt with other rows are as sound as SQLite says they are."""
        self.doubts.tables |= self._matching.renumbered
        for relation in self._cells.rebuilt:
            if relation.name in self._different or relation.table in self._different:
                self.doubts.tables.add(relation.table)
