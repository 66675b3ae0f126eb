"""Page.

``finish_run``
    What the worker does after the last cell: strike out what differs from run to run, then write the page.
``mail_body``
    The e-mail body of a report: inline styles, small pictures, below the size at which mail programs cut.
``report_page``
    From an executed notebook to the published page: no code, no script, nothing loaded from elsewhere.
``run_index``
    Pages that list the runs of a report, with a sparkline for each headline figure.
"""
