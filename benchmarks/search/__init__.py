"""Finding a customer, beside DuckDB over the same Parquet."""
