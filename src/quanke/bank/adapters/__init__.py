"""Adapters: data that came in another form, turned into hand-over files that `quanke load` reads."""
