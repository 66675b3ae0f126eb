"""Answers to declared questions: scores with intervals, who kept silent, how people use scales.

``survey``
    NPS, CSAT, CES and any declared question, of one column of answers.
``score_measures``
    How one question becomes one number, and the gate its answers pass.
``answers_by_cell``
    Counts of answers by cell: all survey metrics by group and period.
``linked_answers``
    Answers of one customer linked.
``response_rate``
    Who answered, and how far silence could move a score.
``score_difference``
    Two sets of answers, paired where the same customers gave both.
``scale_use``
    Differences within persons, and between groups at equal channels.
``composite_index``
    An index of several questions, and Cronbach's alpha.
``declared_directions``
    Whether instruments point the way they are declared to.
``bands``
    Customary readings of an NPS.
``bare_answers``
    A bare frame of answers in the place of a study.
``theme_metrics``
    Shares and counts of themes in texts.
"""
