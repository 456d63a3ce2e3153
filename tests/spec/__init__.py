"""Proves that every operation, aggregate and place means what the manual says, on every engine.

The cases under `cases/` are data: a small table in, an expression, the result out. They are run on all
engines, and `docs/generators/language.py` writes them into the reference manual.
"""
