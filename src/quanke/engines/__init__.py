"""Engines: the same definitions run in memory (the judge), on DuckDB, on Spark, and on live batches."""
