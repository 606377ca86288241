"""What recoveries of PostgreSQL databases share."""
