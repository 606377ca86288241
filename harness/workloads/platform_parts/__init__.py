"""What the platform's workload is made of."""
