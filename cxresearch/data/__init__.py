"""Studies: what an owner declares, files to typed rows, which rows keep every rule, customers on a day.

``study``
    A study: validated tables on an engine, the data cut, what the instruments mean.
``study_tables``
    Its tables: judged once, handed out as far as its limits allow.
``read_study``
    From a study file to a study.
``snapshot``
    A study without time: what it refuses, its customers, the caution beside every result.
``engine``
    What one engine lacks and the others have.
``local_time``
    Local time: offsets of a zone over the years.
``timelines``
    Times of many customers in one sorted array, asked at many moments at once.
``table_layouts``
    The tables, their columns and kinds.
``wide_answers``
    A column a question, as a table of answers.
``stays``
    When customers began and ended, as durations and events.
``columns/``
    Columns of tables: by name, beyond the layout, of an answer's ticket.
``study_file/``
    What an owner declares.
``loading/``
    Workbooks, labelled files, JSON, databases and addresses.
``readers/``
    Files and frames to typed rows.
``validation/``
    Which rows keep every rule.
``checking/``
    A look over a study before anything is computed.
``landmarks/``
    Customers on a day.
``synthetic/``
    Companies that do not exist.
``formats/``
    Exports of vendors.
``starter/``
    A first study file.
"""
