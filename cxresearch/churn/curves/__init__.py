"""Curves.

``after_event``
    Survival after an experience against customers of the same tenure who have not had it yet.
``churn_curve``
    Churn curves and incidences: the public functions.
``churn_curve_result``
    Churn curves and incidences by group as values.
``compare_curves``
    Whether curves differ, and by how much.
``expected_lifetime``
    Expected remaining lifetime, and how much of it is extrapolated.
``experiences``
    Experiences a customer can have, and when: detractor answers, unresolved tickets, named events.
``hazard_design``
    From scores and controls to the columns of a hazard regression: straight, bent, or by category.
``hazard_model``
    Hazard of churn by scores that change over time.
``score_intervals``
    Start and stop: cut each customer's stay into intervals in which the known scores do not change.
``survival_input``
    From a study, landmarks, a frame or arrays to checked survival input by group: one place for all curves.
``timeline``
    Customers on a line of time: when each left, how, and from when they were under observation.
"""
