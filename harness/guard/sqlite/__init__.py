"""What the guard does for SQLite files alone: where its own files lie, what it asks of them."""
