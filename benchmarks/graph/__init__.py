"""Questions to the graph of a large bank, beside the same questions in SQL and in networkx."""
