"""The text of a first study.toml, line by line: keys for what was recognised, comments for what is to decide.

``starter_text``
    The whole file.
``starter_source``
    The lines of one source.
``starter_columns``
    The lines of one column.
``starter_customers``
    The lines of ends, outcomes and segments of customers.
``starter_open``
    The lines of further columns: groups, numbers, texts.
``starter_survey``
    The lines of scores and instruments.
``starter_revenue``
    The lines of revenue.
``toml_text``
    Names and values in TOML.
"""
