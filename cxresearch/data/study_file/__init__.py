"""What an owner declares, key by key; no data are opened.

``declarations``
    The parsed form, frozen.
``parse_study_file``
    The whole file.
``study_arguments``
    The same in a call.
``parse_sources``
    The sources.
``parse_columns``
    Their columns.
``codebook_file``
    ``themes.toml``, a codebook that people keep.
``costs``
    What customers cost.
``costs_section``
    The section ``[costs]``.
``instruments``
    Scales and directions.
``row_conditions``
    The key `where`.
``toml_section``
    A TOML table that knows where it stands.
"""
