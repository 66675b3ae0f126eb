"""Which groups and which customers are unhappy, and whether a change is one of mix or of rate."""
