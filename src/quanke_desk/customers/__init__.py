"""Customers: search, the page of one customer, graph, consent."""
