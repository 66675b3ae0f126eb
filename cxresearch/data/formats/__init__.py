"""Exports of vendors: one file each that says what their columns mean, and how a file is recognised as one.

The files stand in rooms by trade: ``survey_tools``, ``support_desks``, ``billing``, ``product_analytics``.

``vendor_format``
    What the file of a vendor says.
``recognise_export``
    A file as the export of a vendor, by several of its columns together.
``question_titles``
    Questions in header rows below the names.
``guess_export``
    What an export may feed.
``export_text``
    The source that a study file has for an export.
``export_columns``
    The lines of its columns.
``settled_cut``
    The last day in exports, as the end of observation.
``format_choices``
    What was chosen for each file, why, and what was left out.
"""
