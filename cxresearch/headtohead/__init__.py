"""Which score tells who leaves: the contest, how robust it is, and sayings of the trade."""
