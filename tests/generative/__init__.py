"""Laws that hold for whatever a random generator finds, between engines and between text and tree.

Random well-typed definitions over random tables must come out of every engine as out of the judge. Runs
are deterministic; `QUANKE_EXAMPLES=20000 pytest tests/generative` searches longer.
"""
