"""The file that is compared with the baseline, read as far as it is looked at."""

from __future__ import annotations

from functools import cached_property

from harness.truth.sqlite_pages.changes import Changes
from harness.truth.sqlite_pages.file_format.cells import Node
from harness.truth.sqlite_pages.file_format.image import NO_CELLS, Content
from harness.truth.sqlite_pages.file_format.records import Schema, read_schema, roots
from harness.truth.sqlite_pages.file_format.space import occupied, space_adds_up
from harness.truth.sqlite_pages.findings import Doubts
from harness.truth.sqlite_pages.owners import Owners


class LiveFile:
    """Reads b-tree pages of the file, only what is new in them, and checks their free space."""

    def __init__(self, changes: Changes, doubts: Doubts) -> None:
        """Report space that does not add up to ``doubts``."""
        self.changes = changes
        self.nodes: dict[int, Node] = {}  # the b-tree pages that were read
        self._doubts = doubts

    @cached_property
    def schema(self) -> Schema:
        """The file's schema; raises Malformed."""
        if 1 not in self.changes.touched:
            return self.changes.baseline.schema
        return read_schema(self.changes.image)

    @cached_property
    def owners(self) -> Owners:
        """Who owns each of the file's pages; raises Malformed when a page has two owners."""
        return Owners(self.changes.image, roots(self.schema))

    def content(self, number: int) -> Content:
        """Read a b-tree page; raise Malformed when it is none."""
        changes = self.changes
        page = changes.image.page(number)
        was_in_a_tree = changes.alike and changes.baseline.in_a_tree(number)
        known = changes.baseline.unchanged(page) if was_in_a_tree else NO_CELLS
        content = changes.image.content_of(page, known)
        self.nodes[number] = content.node
        # where there is doubt about the whole file SQLite checks every page anyway
        if not self._doubts.whole_file and not space_adds_up(page, occupied(page, content.node)):
            self._doubts.space(number)
        return content
