"""How long customers stay: curves, comparisons and lifetimes.

- `churn_curve`: the functions that make curves and incidences of a study, landmarks, a frame or arrays.
- `churn_curve_result`: curves by group as values.
- `churn_incidence_result`: incidences of the kinds of churn by group as values.
- `compare_curves`: whether curves differ, and by how much.
- `curve_differences`: differences of two curves, with errors that few ends allow.
- `expected_lifetime`: expected further time, and how much of it is extrapolated.
- `survival_input`: from whatever source to checked rows by group.
- `survival_sample`: checked rows by group, in a unit, from a time on.
- `timeline`: when each customer left, how, and from when they were under observation.
"""
