"""One journey per role through the real desk in a real browser, in the bank's words."""
