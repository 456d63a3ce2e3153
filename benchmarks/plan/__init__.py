"""Plans: actions for everybody under all limits at once, beside linear and integer programs."""
