"""The scorecard: every metric of a study, what moved, and whether that is noise.

``scorecard``
    All metrics of a study from one pass for each family.
``scorecard_parts``
    Tables of one metric: all rows, groups, contrasts of the judged period.
``scorecard_families``
    Which comparisons are judged together: one error over a family.
``scorecard_targets``
    Values declared as targets, and what was reached.
``target_readings``
    Whether a target was met, as far as the interval tells.
``scorecard_result``
    The scorecard, and what it says.
``scorecard_words``
    Its sentences.
"""
