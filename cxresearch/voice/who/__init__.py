"""Which groups and which customers are unhappy, and whether a change is one of mix or of rate.

``who``
    The search over all groups, with one error: entry of the room.
``group_search``
    What it found: named groups, contributions, every cell.
``search_tables``
    The same as tables.
``search_words``
    The finding and the notes, in words.
``searched_columns``
    Which columns are searched, and the answers with them, on their engine.
``answer_cells``
    Cells of the answers: in memory, or from one grouped pass and a sample.
``asked_question``
    Which question, what its answers count, who is still unhappy, and what customers pay.
``unhappy_revenue``
    Unhappy customers and their revenue in each named group.
``unhappy_customers``
    Who is unhappy now: the list.
``silent_customers``
    Who of the silent likely is: a calibrated model that says when it cannot tell.
``explain_change``
    Mix and rate of a change.
``change_rows``
    Sums of each customer by group in two periods.
"""
