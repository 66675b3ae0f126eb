"""Notebook.

``catalogue``
    The reports there are: notebooks of the package, and a user's own by path.
``parameter_values``
    Values of parameters: text from a command line becomes the declared type, or is refused with a reason.
``parameters``
    Parameters of a report: read from its notebook without running it, and given values by declared type.
"""
