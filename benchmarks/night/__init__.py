"""The full night, beside the same tags in SQL written by hand."""
