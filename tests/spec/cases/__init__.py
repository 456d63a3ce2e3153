"""The cases: one module for each group of operations, aggregates, windows, places and metrics."""
