"""Companies that do not exist, with their truth.

``one_survey``
    Tier A: one survey under six scenarios.
``company``
    Tier B: a company with all tables, as it is or with an unhappy country.
``company_paths``
    Its customers through time.
``company_tables``
    Its tables.
``unhappy_answers``
    What is laid on top: a country that falls, themes, actions by severity.
``unhappy_words``
    What its customers write, in five languages.
``unhappy_tables``
    The tables of the unhappy company.
``planted_truth``
    What was planted in it, as numbers.
``journey_company``
    The unhappy company with hand-offs, goals, trials, referrals and pairs of scores.
``truth``
    Exact values of what tier A plants.
"""
