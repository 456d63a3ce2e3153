"""Proves that broken files, kills and full disks lose nothing, double nothing and are told plainly."""
