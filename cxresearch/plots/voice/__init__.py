"""Who is unhappy and since when, drawn."""
