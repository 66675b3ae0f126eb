"""Who is unhappy, since when, why, and what makes them happy again."""
