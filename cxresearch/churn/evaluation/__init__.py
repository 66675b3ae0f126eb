"""How well a churn model does on customers it has never seen, and how risk goes with features.

- `evaluate_churn`: the model against simple rules on held-out rows.
- `evaluation_tables`: gains, calibration, groups and drift from arrays.
- `evaluation_result`: the evaluation as a value.
- `added_value`: the same model with and without scores.
- `effect_curve`: how the risk goes with one feature.
- `churn_odds`: odds ratios of leaving, robust by customer.
"""
