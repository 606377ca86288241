"""The PostgreSQL engine."""

# psql, pgsql and postgis are what django-environ, Doctrine and dj-database-url write. An ecto:// is
# refused with what to write.
SCHEMES = ("postgresql", "postgres", "psql", "pgsql", "postgis", "ecto")
DRIVER = "psycopg"
OLDEST = 15  # the oldest version of a server that it is tested with
