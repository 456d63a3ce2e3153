"""Joint operations: the protocol finds what two sets share, and a message that is not right is refused."""
