"""Robustness.

``added_information``
    Whether a score says anything that another score, or the company's own records, did not say.
``contest_by_segment``
    The contest in many segments or many studies, and what holds on average.
``nonresponse``
    Weights for non-response, silence as a predictor, and the contest in both populations side by side.
``power_compare``
    Power of a comparison, by formula and by resampling customers.
``sensitivity``
    The contest under other defensible choices, side by side.
"""
