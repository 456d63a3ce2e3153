"""Plans: no limit is broken by one unit, no value is above its bound, and what cannot be met is named."""
