"""What the recoveries of SQLite files share."""
