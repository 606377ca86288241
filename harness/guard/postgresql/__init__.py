"""Guard a PostgreSQL database: its journal and backups stand beside it, on its server."""
