"""Commands of the desk as a whole."""
