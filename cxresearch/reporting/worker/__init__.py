"""The process that executes a notebook, its kernel, and how it ends.

- `worker_process`: keeps a worker within its deadline and leaves nothing of it behind.
- `worker`: the process itself: jobs come by standard input, one JSON object a line.
- `keeper`: ends all that a notebook started, when runner or worker are gone.
- `papermill_engine`: papermill with the gaps closed.
- `kernel`: IPython's own kernel, tied to the life of the process that started it.
- `progress`: what a run says while it runs.
- `command_ending`: how a command ends: one line, an exit code, the trace in a private log.
- `signals`: SIGTERM ends a run in good order, never between the two steps of publishing.
"""
