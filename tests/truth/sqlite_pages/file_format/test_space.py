"""Free space and cells fill a page exactly, or the page is not sound."""

from __future__ import annotations

from pathlib import Path

from harness.truth.sqlite_pages.file_format.btree import walk
from harness.truth.sqlite_pages.file_format.cells import Node
from harness.truth.sqlite_pages.file_format.space import occupied, occupied_by, space_adds_up
from tests.truth.making import build, image, root, run


def _spans(node: Node) -> list[tuple[int, int]]:
    return [(cell.at, cell.at + cell.size) for cell in node.cells]


def test_the_space_of_every_page_adds_up_and_a_lie_does_not(folder: Path) -> None:
    """Pages that SQLite wrote add up; a fragment, a block or a start that is wrong does not."""
    path = folder / "a.sqlite3"
    build(path, rows=200)
    run(path, "DELETE FROM bots WHERE id % 3 = 0")
    pages = image(path)
    for leaf in walk(pages, root(path, "bots"), pages.content).leaves:
        page, node, _, _ = pages.content(leaf)
        content = occupied(page, node)
        assert content.cell_bytes == sum(cell.size for cell in node.cells)
        assert space_adds_up(page, content)
        assert space_adds_up(page, occupied_by(page, _spans(node)))
        for at in (2, 6, 7):
            lie = bytearray(page.data)
            lie[at] ^= 4
            lying = page._replace(data=bytes(lie))
            assert not space_adds_up(lying, occupied(lying, node))
        *others, last = _spans(node)
        for on_pointers in ([*others, (8, 8 + last[1] - last[0])], [(8, 12), *others]):
            assert occupied_by(page, on_pointers).overlap
        doubled = node._replace(cells=[*node.cells, node.cells[0]])
        assert occupied(page, doubled).overlap
        assert not space_adds_up(page, content._replace(overlap=True))


def test_only_content_is_marked(folder: Path) -> None:
    """Type, count, pointers and cells are content; where free blocks and cells start is not."""
    path = folder / "a.sqlite3"
    build(path)
    page, node, _, _ = image(path).content(root(path, "users"))
    mask = occupied(page, node).mask
    array_end = 8 + 2 * len(node.cells) + (4 if node.right else 0)
    assert mask[0:8] == b"\xff\0\0\xff\xff\0\0\0"
    assert set(mask[8:array_end]) == {0xFF}
    for cell in node.cells:
        assert set(mask[cell.at : cell.at + cell.size]) == {0xFF}
    assert mask.count(0xFF) == array_end - 5 + sum(cell.size for cell in node.cells)
