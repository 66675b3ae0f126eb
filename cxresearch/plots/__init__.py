"""Pictures of what the package returns: `plot(result)` draws, and computes nothing.

dispatch            `plot`: one name for every picture
registry            which drawing function belongs to which result
event_lines         declared events on a trend, with labels that do not overlap
style               palette, type sizes, and the marks that all pictures share
"""
