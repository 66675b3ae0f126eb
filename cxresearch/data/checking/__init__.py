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
``doubts_about``
    The doubts that touch some tables: those that a report read.
``unlikely_values``
    Answers beside their scale, times all on one day.
"""
