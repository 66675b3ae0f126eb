"""The journey, a cycle of stages: who passes, how long it takes, where customers are lost, how they fare.

``journey``
    All of it on one page of results.
``journey_result``
    What the page holds.
``journey_words``
    The sentences it begins with.
``stage_entries``
    Who entered which stage when, from events and first moments.
``stage_passages``
    From a stage to the next: share that comes through, lost, left, and the days it takes.
``stage_moves``
    What comes after each stage, leaving and staying among it.
``stage_measures``
    Scores, hand-offs and tickets of customers by the stage they were in.
``stage_contrasts``
    Each stage against all others, with one error over the page.
``helped_themselves``
    Share of requests in which customers help themselves.
"""
