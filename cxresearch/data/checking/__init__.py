"""A look over a whole study before anything is computed.

``check_study``
    Tables, rejects, doubts and which reports can run.
``report_readiness``
    Which reports can run, tried as far as can be.
``study_faults``
    All that keeps a study from being read, at once, with lines.
``study_doubts``
    Ids and groups that look alike, repeated rows, several plans.
``contradictions``
    Ends against revenue, statuses, flags and the data cut.
``open_column_list``
    Further columns: what each is, how far it is filled, how many values it has.
``link_doubts``
    Answers and the tickets they name, customers and their accounts.
``doubts_about``
    The doubts that touch some tables: those that a report read.
``unlikely_values``
    Answers beside their scale, times all on one day.
"""
