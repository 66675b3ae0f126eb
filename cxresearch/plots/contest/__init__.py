"""Contests of scores, drawn."""
