"""All that a PostgreSQL database holds beside rows, so that two can be compared by name.

OIDs, statistics and places on disk are no difference; values of sequences and contents of large
objects are not told here. Subscriptions belong to the database itself: see ``properties``.
"""

from harness.databases.postgresql.catalog.comparing import Change, changes, differences
from harness.databases.postgresql.catalog.reading import Key, Objects, Thing, objects
from harness.databases.postgresql.catalog.unchanged import counts, unchanged

__all__ = [
    "Change",
    "Key",
    "Objects",
    "Thing",
    "changes",
    "counts",
    "differences",
    "objects",
    "unchanged",
]
