"""Spark: for a base that outgrows one machine."""
