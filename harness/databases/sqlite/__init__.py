"""The SQLite engine."""

SCHEMES = ("",)  # a path of a file has none
DRIVER = "apsw"
