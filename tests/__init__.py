"""What proves that Quanke does what it says; each folder says what it proves."""
