"""The standard catalogue composes, and says what a hand-checked customer should be told."""
