"""Effects: coverage, false alarms and speed of estimates."""
