"""Books: how a customer is looked after, who sits where, and everybody at a post that is not overfull."""
