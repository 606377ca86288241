"""The PostgreSQL engine."""

SCHEMES = ("postgresql", "postgres")
DRIVER = "psycopg"
OLDEST = 15  # the oldest version of a server that it is tested with
