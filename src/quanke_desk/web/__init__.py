"""Settings, shell, theme: wires only."""
