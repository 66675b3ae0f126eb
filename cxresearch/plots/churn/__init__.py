"""Curves, hazards, classifier and drivers, drawn."""
