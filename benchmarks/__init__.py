"""Measurements of what Quanke promises, each beside a peer. See README.md."""
