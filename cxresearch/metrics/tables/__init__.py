"""Any metric by name: a number, a table, what moved.

``registry``
    Every metric by name, and how it is asked.
``one_metric``
    One metric as one number, or one for each group.
``metric_table``
    One metric by group and period.
``contrasts``
    Against the period before, against the rest, between groups.
``contrast_table``
    Differences of cells, with tests and corrected p-values.
``score_breakdown``
    Answers by class and group.
``nonresponse_table``
    How far silence could move a score.
``statistics``
    What families counted: once each, coarser cells from finer ones.
``suppression``
    Which cells may be read.
"""
