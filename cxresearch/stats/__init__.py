"""Statistics: arrays in, frozen results out. Knows no customer and no data frame."""
