"""Why they are unhappy: themes of what they write, and what goes with them.

``study_texts``
    Where texts stand, and which names must not be printed.
``theme_finders``
    What finds themes and marks texts with them.
``word_meaning``
    A model of the user's that says which words mean alike.
``themes``
    What texts speak of.
``emerging_themes``
    Which themes rise or fade.
``theme_impact``
    What goes with a theme: score, revenue, leaving.
``theme_impact_result``
    The same as a value.
``why_unhappy``
    What hurts and since when, in a few sentences.
``later_leaving``
    Who leaves after a text, from that text on.
``theme_check``
    A sample to label, and agreement with the labels.
``quotes``
    Words of customers, redacted, only when asked for.
``mood``
    How many texts without a score are unhappy.
"""
