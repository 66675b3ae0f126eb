"""What is done for all kinds of customers, judged as in a trial: onboarding, training, check-ins, loyalty.

``programme``
    Effects of one, several or any contact, and what came back of what was spent.
``programme_result``
    What they showed.
``programme_moments``
    When a programme might have begun: joining, a renewal ahead, each quarter.
``programme_return``
    Revenue returned for what was spent, with an interval.
"""
