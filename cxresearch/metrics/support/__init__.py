"""Tickets: how many, how much work, how fast, how often reopened.

``ticket_times``
    First reply, resolution and wait as survival times: an open ticket is censored.
``tickets``
    How many tickets, how old the open ones are, how many get solved.
``business_hours``
    Working time between two moments.
``support_metrics``
    The support metrics by name.
``follow_up_metrics``
    Unhappy answers followed up, and how soon: the closed loop by name.
"""
