"""Study file."""
