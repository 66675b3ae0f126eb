"""Reports: parameters, run, publish, history.

``captions``
    What a picture shows in a sentence, for a manager: with n, and with its interval where it has one.
``dry_run``
    ``--dry-run``: everything that can be checked without running the notebook.
``inputs``
    What a report was made from: files with hashes, counts and rejects, noted for the manifest.
``outcome``
    How a run ended: the documented exit codes, the one error that carries them, and the outcome of a run.
``plan``
    A run that has passed every check that needs no kernel.
``present``
    What a report notebook is written with, so that its cells stay short calls without def or markup.
``run_each``
    One report for each segment: workers sized to the machine, one failure leaves the others alone.
``run_report``
    One run of a report, from parameters to a published folder.
``schedule``
    Text to paste where reports are scheduled: crontab, systemd, GitHub Actions, Airflow.
``verify_run``
    Making a run again and comparing; and saying what differs between two runs.
"""
