"""The graph: links as they are derived, and every answer held against plain networkx on small graphs."""
