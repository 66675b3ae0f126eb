"""Raw cells to typed values, in SQL that an engine runs over all rows.

``column_sql``
    Raw columns to the columns of a table, as one SELECT.
``date_samples``
    Dates that declare no format.
``text_sql``
    Cells as text, and what counts as no value.
``number_sql``
    Numbers, and amounts of a year or a week as those of a month.
``time_sql``
    Moments in ISO, declared formats, epochs and zones by name.
"""
