"""What journeys are told by: who is asked where, goals, trials, hand-offs, referrals, and scores in pairs.

``needed_lines``
    The lines of a study file that missing columns and events need.
``coverage``
    Which touchpoint, channel and device is asked, and whose voice is heard.
``customers_heard``
    Customers there in a window, what they pay, and the share of both that is heard.
``coverage_result``
    What coverage says.
``event_kinds``
    Which kinds of events customers have, and spells from one to another.
``goal_metrics``
    Goals reached in time, and how long that takes.
``trial_metrics``
    Trials paid for in time, by when they began.
``advocacy_metrics``
    Who refers and who reviews.
``escalations``
    Tickets escalated and handed on.
``paired_scores``
    Two scores of the same customers: expectation, and a competitor.
``paired_scores_result``
    Their paired differences, as a result.
"""
