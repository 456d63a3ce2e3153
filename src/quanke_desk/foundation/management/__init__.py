"""Commands for whoever keeps the desk running."""
