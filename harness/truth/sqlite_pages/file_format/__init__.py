"""The SQLite file format, read without SQLite.

Source of every number here: https://www.sqlite.org/fileformat2.html. Pages are numbered from 1.
"""

from __future__ import annotations


class Malformed(Exception):
    """The file breaks the format; the message says on which page and how."""
