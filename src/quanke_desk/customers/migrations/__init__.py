"""Migrations: SQLite and PostgreSQL alike."""
