"""The pristine file in memory: what owns each page, and which of its bytes are content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.errors import MeasurementError
from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.file_format.btree import Walk, walk
from harness.truth.sqlite_pages.file_format.cells import Page
from harness.truth.sqlite_pages.file_format.image import (
    Content,
    Image,
    KnownCells,
    Words,
    as_words,
)
from harness.truth.sqlite_pages.file_format.records import read_schema, roots
from harness.truth.sqlite_pages.file_format.space import Occupied, occupied
from harness.truth.sqlite_pages.owners import INTERIOR, LEAF, OVERFLOW, Owners
from harness.truth.sqlite_pages.places import CellPlaces


class Baseline:
    """The pristine database, read once and kept in memory."""

    def __init__(self, path: Path) -> None:
        """Read ``path``; MeasurementError when it is no sound file with everything folded in."""
        wal = path.with_name(path.name + "-wal")
        if wal.exists() and wal.stat().st_size:
            raise MeasurementError(f"{path}: fold its -wal in before it can be the baseline")
        self.bytes = np.fromfile(path, np.uint8)
        status = path.stat()
        self.mode = status.st_mode & 0o7777
        self.owner = status.st_uid, status.st_gid
        self.linked = path.is_symlink()
        try:
            self.image = Image(self.bytes.data)
            if len(self.bytes) % self.image.page_size:
                raise Malformed(f"{len(self.bytes)} bytes are no whole number of pages")
            self.schema = read_schema(self.image)
            self.roots = roots(self.schema)
            self.owners = Owners(self.image, self.roots)
        except Malformed as error:
            raise MeasurementError(f"{path} cannot be the baseline: {error}") from error
        self.words = as_words(self.bytes, self.image.page_size)
        self._masks = np.zeros_like(self.words)
        self._masked = np.zeros(len(self.words), np.bool_)
        self._occupied: dict[int, Occupied] = {}
        self._walks: dict[int, Walk] = {}
        self._contents: dict[int, Content] = {}
        self._places: dict[int, CellPlaces] = {}

    def masks(self, numbers: npt.NDArray[np.int64]) -> Words:
        """Return which bits of these pages are content, a row of 64-bit words a page."""
        at = numbers - 1
        for number in numbers[~self._masked[at]]:
            self._mask(int(number))
        masks: Words = self._masks[at]
        return masks

    def _mask(self, number: int) -> None:
        role = self.owners.role[number]
        if role in (LEAF, INTERIOR):
            mask = self.occupied(number).mask
            self._masks[number - 1] = np.frombuffer(mask, np.uint64)
        elif role == OVERFLOW:  # also what the chain's end leaves unused: its cell settles it
            mask = b"\xff" * self.image.usable + bytes(self.image.header.reserved)
            self._masks[number - 1] = np.frombuffer(mask, np.uint64)
        self._masked[number - 1] = True

    def in_a_tree(self, number: int) -> bool:
        """Whether a page of this number is a leaf or an interior page of a b-tree."""
        return number <= self.image.page_count and self.owners.role[number] in (LEAF, INTERIOR)

    def occupied(self, number: int) -> Occupied:
        """Return which bytes of a b-tree page are content, worked out once."""
        if number not in self._occupied:
            content = self.content(number)
            self._occupied[number] = occupied(content.page, content.node)
        return self._occupied[number]

    def walk(self, root: int) -> Walk:
        """Walk one of the baseline's trees, once."""
        if root not in self._walks:
            self._walks[root] = walk(self.image, root, self.content)
        return self._walks[root]

    def content(self, number: int) -> Content:
        """Read one of the baseline's b-tree pages, once."""
        if number not in self._contents:
            self._contents[number] = self.image.content(number)
        return self._contents[number]

    def unchanged(self, now: Page) -> KnownCells:
        """Return the cells of a b-tree page of the baseline's that are the same bytes ``now``."""
        number = now.number
        if number not in self._places:
            self._places[number] = CellPlaces.of(self.content(number))
        return self._places[number].unchanged(now)
