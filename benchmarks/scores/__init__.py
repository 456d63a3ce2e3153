"""Scores: time-honest propensity beside plain logistic regression and a default gradient-boosting model."""
