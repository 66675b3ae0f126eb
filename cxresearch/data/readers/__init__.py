"""From files and frames to typed rows on an engine; nothing but heads of files is read.

``open_study``
    A study file, or frames, to typed rows of each table.
``raw_inputs``
    Raw files as views of one connection.
``text_files``
    Encoding, delimiter, line ends, header of a text file.
``native_frames``
    Frames that bring their own engine.
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
``summed_levels``
    Subscriptions, movements and snapshots to levels.
``listed_leavers``
    Ends that stand in a list of their own.
``unwanted_rows``
    Rows of exports that do not count.
"""
