"""The backend: a real HTTP API in front of the database, in a process of its own."""
