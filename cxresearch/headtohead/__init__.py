"""Head-to-head tests of scores: protocol, contest, power, claims."""
