"""Columns of tables: by the names that people write, beyond the layout, of an answer's ticket.

``frame_columns``
    Columns of frames by the names that people write.
``open_columns``
    What a table holds beyond its layout, and of what kind each is.
``group_crowd``
    Columns that make no groups, as hardly two rows share a value.
``ticket_groups``
    Groups of answers by the ticket they are about.
"""
