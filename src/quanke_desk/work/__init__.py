"""Work: mornings, contacts, lobby, call-backs."""
