"""What stands behind answers: the tickets they are about, issues that come back, and reasons for leaving.

``answered_tickets``
    Answers with their tickets.
``scores_by_ticket``
    Scores by what their tickets were like.
``comfortable_wait``
    The latest reply that still pleases.
``leaving_reasons``
    ``leaving_reasons``: why customers say they leave, what that costs, and what they had said before.
``recurring_issues``
    ``recurring_issues``: which kinds of tickets come back, how they grow, and who stands behind.
"""
