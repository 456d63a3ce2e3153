"""Proves that clusters are found, named and kept from night to night, and that moves add up."""
