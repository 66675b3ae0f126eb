"""What stands behind answers: the tickets they are about, issues that come back, and reasons for leaving.

``answered_tickets``
    Answers with their tickets.
``scores_by_ticket``
    Scores by what their tickets were like.
``comfortable_wait``
    The latest reply that still pleases.
"""
