"""What a figure shows, as numbers: the page and the notebooks draw the same by different means."""
