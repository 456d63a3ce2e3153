"""Records to customers: seconds, memory and quality, beside Splink at its own best on the same records."""
