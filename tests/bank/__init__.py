"""Proves that what a bank hands over is taken as it should be: contracts, readers, adapters, the
sample bank.
"""
