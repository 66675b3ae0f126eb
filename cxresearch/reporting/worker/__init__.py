"""Worker.

``kernel``
    The Jupyter kernel of a report: IPython's own, tied to the life of the process that started it.
``papermill_engine``
    papermill with the gaps closed: our kernel, capped output, nothing taken from the machine's settings.
``signals``
    SIGTERM ends a run in good order, and never between the two steps of publishing.
``worker``
        The process that executes notebooks: jobs come by standard input, one JSON object a line,
    answers likewise.
``worker_process``
    Keeps a worker process within its deadline and leaves nothing of it behind.
"""
