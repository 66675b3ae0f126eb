"""Churn: curves, hazards, classifier, evaluation, risk list."""
