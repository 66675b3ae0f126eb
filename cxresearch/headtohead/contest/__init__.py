"""Contest.

``comparison``
    A contest between scores: how well each tells who will leave, and what may be concluded.
``contest``
    ``compare``: which score tells best who will leave, on the same rows, with a verdict.
``contest_curves``
    Curves of a contest, weighted for censoring: ROC, lift, churn by answer and net benefit.
``contest_judgement``
    From measures to tables: values and paired differences with intervals and tests, and what to conclude.
``contest_measures``
    What a contest measures: ranking, accuracy of calibrated risks, lift, net benefit and concordance.
``contest_rows``
    The rows a contest is fought on: complete, with scores turned so that higher means riskier.
``covariates``
    Features of landmark rows as columns a model can take.
``forms``
    The forms in which scores may enter: as answered, top-box, categories, or cut to equally many levels.
``protocol``
    What will be compared and how, written down and hashed before anybody looks at outcomes.
``verdicts``
    From a difference to one of four verdicts, and to a sentence that needs no statistics.
``weighed_rows``
    A contest seen from a horizon: its rows, the weights of both sides and calibrated risks, each made once.
"""
