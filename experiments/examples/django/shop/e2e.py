"""What all end-to-end commands share: by what test data is known."""

DOMAIN = "@e2e.test"  # every customer that a test makes has an address there
