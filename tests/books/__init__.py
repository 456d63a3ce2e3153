"""Books: everybody gets a post, no post is overfull, and what is said to be best cannot be bettered."""
