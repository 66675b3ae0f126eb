"""Shelf.

``complete_run``
    Whether a run succeeded: no error, every code cell ran, results.json valid. Nothing is taken on trust.
``locks``
    A lock that dies with its process.
``manifest``
    What a run rests on: everything that decides its content, hashed; what varies by the clock stands apart.
``shelf``
    The folder of a report: staging, published runs, `latest`, and failures kept apart.
"""
