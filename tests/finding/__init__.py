"""Who is meant by a text is found, by whatever number or name; and nothing in the index tells a number."""
