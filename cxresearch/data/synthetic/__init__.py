"""Companies that do not exist, with their truth.

``one_survey``
    Tier A: one survey under six scenarios.
``company``
    Tier B: a company with all tables.
``company_paths``
    Its customers through time.
``company_tables``
    Its tables.
``truth``
    Exact values of what tier A plants.
"""
