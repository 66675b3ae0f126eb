"""A first study.toml from the files of a folder: guesses, shown as guesses.

``write_starter``
    Looks at the files and writes the study file.
``first_look``
    A first look at a file: its first rows, its table, its columns.
``part_of_file``
    A part of a large or torn text file.
``raw_look``
    What a first look at a file has shown.
``guess_table``
    Which table a file feeds.
``guess_text``
    How a text file is written, by its head.
``score_columns``
    Which columns hold answers.
``same_rows``
    Two files that tell the same.
``shared_ids``
    Which column names the customer.
``trial_reading``
    All rows read once, to ask with counts.
``lines/``
    The text of the study file, line by line.
"""
