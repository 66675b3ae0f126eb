"""Files and tables other than text, as Arrow or as a query; what some need is an extra.

``extras``
    An optional library, or what to install.
``sheets``
    Sheets of Excel and OpenDocument workbooks.
``labelled_files``
    SPSS and Stata: codes, value labels, missing codes, questions.
``json_rows``
    JSON and JSON lines, flattened by one level.
``sqlite_tables``
    Tables of an SQLite file.
``database_tables``
    Tables of a database server, by an environment variable that is never printed.
``remote_files``
    Files behind ``s3://``, ``gs://``, ``az://`` and ``https://``.
``parquet_files``
    Parquet files read together, in common types.
``input_files``
    The files behind an input, by path, pattern or address.
``spill_folder``
    Where an engine puts what does not fit into memory: private, and gone at the end.
``unread_kinds``
    What is not read, by name, and what to do instead.
"""
