"""Evaluation.

``added_value``
    ``added_value``: what scores add to a churn model that already knows everything else.
``evaluate_churn``
    ``evaluate_churn``: a churn model on customers and landmarks it has never seen, against simple rules.
``evaluation_result``
    How well a churn model does on rows it has never seen.
``evaluation_tables``
    Tables of an evaluation: gains, calibration, segments and drift, from arrays of held-out rows.
``risk_effects``
    How risk goes with effort, satisfaction and the rest: effect curves and odds ratios. Never a cause.
"""
