"""What stands behind answers: tickets, waits, issues that come back, and reasons for leaving.

``answered_tickets``
    Answers with their tickets.
``scores_by_ticket``
    Scores by what their tickets were like.
``comfortable_wait``
    The latest reply that still pleases.
``recurring_issues``
    Which kinds of tickets come back and grow.
``leaving_reasons``
    Why customers say they leave.
"""
