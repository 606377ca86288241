"""The SQLite engine."""

# a path of a file has none; what has one of the others is told to give a path
SCHEMES = ("", "sqlite", "sqlite3", "file")
DRIVER = "apsw"
