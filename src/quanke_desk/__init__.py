"""The desk of Quanke: where a bank's people work. A Django project; it records, shows and serves."""
