"""From files and frames to typed rows on an engine; nothing but heads of files is read.

``open_study``
    A study file to typed rows of each table.
``open_frames``
    Frames in memory to typed rows of each table.
``native_frames``
    Frames that bring their own engine.
``typed_views``
    Typed rows as views, levels and customers made of other rows among them.
``raw_inputs``
    Raw files as views of one connection.
``connection``
    One connection to an engine: made, asked, and its complaints in one sentence.
``declared_sql``
    What SQL of others may call, and for how long it may run.
``text_files``
    Encoding, delimiter, line ends, header of a text file.
``source_files``
    Files a study was read from, each with its hash.
``summed_levels``
    Subscriptions, movements and snapshots to levels.
``listed_leavers``
    Ends that stand in a list of their own.
``unwanted_rows``
    Rows of exports that do not count.
``cells/``
    Raw cells to typed values, in SQL.
"""
