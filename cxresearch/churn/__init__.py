"""Churn: curves, hazards, classifier, evaluation, risk list.

``churn_kinds``
    Kinds of churn: what counts as leaving, by the same names and the same default everywhere.
"""
