"""What a run says in words and tables, whatever the format."""
