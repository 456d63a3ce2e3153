"""Campaigns: groups of customers, journeys, what may be sent to whom, channels, and what it changed."""
