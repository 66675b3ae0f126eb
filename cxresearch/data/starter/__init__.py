"""A first study.toml from the files of a folder: guesses, shown as guesses.

``write_starter``
    Looks at the files and writes the study file.
``raw_look``
    What a first look at a file has shown.
``guess_table``
    Which table a file feeds.
``guess_text``
    How a text file is written, by its head.
``score_columns``
    Which columns hold answers.
``shared_ids``
    Which column names the customer.
``starter_text``
    The text of the study file.
``starter_columns``
    The lines of one column.
``starter_survey``
    The lines of scores and instruments.
``starter_revenue``
    The lines of revenue.
``trial_reading``
    All rows read once, to ask with counts.
``toml_text``
    Names and values in TOML.
"""
