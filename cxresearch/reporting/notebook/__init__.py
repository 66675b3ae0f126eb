"""A report notebook read as source: which there are, which parameters they have, and of which type.

- `catalogue`: the reports of the package, and a user's own by path.
- `parameters`: parameters of a report, read without running it.
- `parameter_values`: text of a command line as the declared type, or refused with a reason.
"""
