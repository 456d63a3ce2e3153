"""Books: who looks after whom, as of any day."""
