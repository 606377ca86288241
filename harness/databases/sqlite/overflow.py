"""Payloads that continue on overflow pages: fileformat2.html of SQLite, section 1.7."""

from __future__ import annotations

from harness.databases.sqlite.cells import NUMBER, Chain, varint
from harness.databases.sqlite.pages import Image, Unfollowable


def entries_of(image: Image, number: int) -> list[bytes]:
    """Give the whole payload of each cell of an index's page, wherever the rest of it is.

    Raises:
        Unfollowable: an overflow page is not there.
    """
    page, node = image.page(number), image.node(number)
    skipped = 4 if node.children else 0
    whole = []
    for start, end in node.spans:
        at = start + skipped
        at = at + 1 if page[at] < 0x80 else varint(page, at)[1]
        whole.append(page[at:end])
    for chain in node.chains:
        whole[chain.cell] = whole[chain.cell][:-4] + rest_of(image, chain)
    return whole


def rest_of(image: Image, chain: Chain) -> bytes:
    """Read what stands on overflow pages.

    Raises:
        Unfollowable: the chain is not as long as the payload needs.
    """
    parts, page_number, left = [], chain.first, chain.size_bytes
    usable = image.usable
    while left > 0:
        page = image.page(page_number)
        if not page or page_number < 2:
            raise Unfollowable(f"overflow page {page_number} is not there")
        parts.append(page[4 : min(usable, 4 + left)])
        left -= usable - 4
        (page_number,) = NUMBER.unpack_from(page)
    if page_number:
        raise Unfollowable(f"an overflow chain goes on to page {page_number}")
    return b"".join(parts)
