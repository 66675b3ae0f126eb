"""Searches and change points, with the error of having looked many times."""
