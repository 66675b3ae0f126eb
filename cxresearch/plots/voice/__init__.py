"""Who is unhappy and since when, drawn.

``customer_timeline``
    One customer's record on a line of time, a lane for each kind.
``before_and_since``
    What customers write of before a fall and since.
``effects_of_actions``
    What actions did: one point with its interval for each action and outcome.
``events``
    A metric by weeks since an event, and what went before customers turned unhappy.
``groups``
    Pictures of who is unhappy: what each named group takes from the score, and the parts of a change.
``stage_pictures``
    The journey: who comes through, what follows each stage, and which stage is unlike the others.
``theme_pictures``
    Themes drawn: how often by how much, and how often with intervals.
``trend``
    The trend of a metric with its changes: each set of days a band, declared events as lines.
"""
