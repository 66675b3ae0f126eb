"""Why they are unhappy: themes of what they write, what goes with them, and the tickets behind answers.

``codebook_file``
    ``themes.toml``, a codebook that people keep.
``study_texts``
    Where texts stand, and which names must not be printed.
``themes``
    What texts speak of.
``theme_impact``
    What goes with a theme: score, revenue, leaving.
``later_leaving``
    Who leaves after a text, from that text on.
``theme_check``
    A sample to label, and agreement with the labels.
``quotes``
    Words of customers, redacted, only when asked for.
"""
