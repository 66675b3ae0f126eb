"""Two or more scores on the same rows: weighed once, measured once, judged once, told in a sentence.

- `contest`: ``compare``: from landmarks to a comparison.
- `protocol`: the plan, written down and hashed before anybody looks.
- `contest_rows`: complete rows with scores turned so that higher means riskier.
- `forms`: as answered, top-box, categories, cut to equally many levels.
- `covariates`: features as columns a model can take.
- `weighed_rows`: the rows seen from a horizon: weights of both sides, and risks.
- `contest_metrics`: AUC, Brier score, lift, net benefit, concordance, each with influence values.
- `contest_judgement`: values, paired differences, tests and verdicts of every metric.
- `contest_curves`: ROC, lift, churn by answer, net benefit by threshold.
- `verdicts`: from a difference to one of four verdicts and a sentence.
- `comparison`: the contest as a value.
"""
