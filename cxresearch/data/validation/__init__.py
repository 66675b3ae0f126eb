"""Which rows keep every rule, which are set aside and why, and when a table is refused.

``row_rules``
    The rules and the doubts.
``judged_tables``
    Tables with every row judged once.
``refusals``
    When a table may not be used.
``ended_levels``
    Revenue that goes on after customers ended.
``outside_answers``
    Answers of respondents who are not customers.
``respondents``
    These answers as a study of their own.
``rows_up_to_cut``
    Rows up to a cut before the end of an export.
``ticket_statuses``
    Open tickets with an old resolution date.
``outcome_names``
    Columns that state who left.
``revenue_evidence``
    Snapshots and ends, by what rows look like.
"""
