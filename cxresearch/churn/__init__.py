"""Who leaves and when: curves, hazards, a calibrated classifier, its risk list, and drivers of scores.

- `churn_kinds`: what counts as leaving, by one set of names with one default.
"""
