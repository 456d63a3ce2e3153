"""The floor everything stands on: money in fen, both calendars, identifiers, reasons, errors, progress.

It imports nothing of ours and re-exports nothing: import from the module that has the word you need.
"""
