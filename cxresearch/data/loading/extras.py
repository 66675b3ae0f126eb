"""Optional libraries: loaded where they are needed, or named with the extra that brings them."""

from __future__ import annotations

import importlib
from typing import Any

from cxresearch.errors import StudyError


def extra(module: str, *, name: str, what: str) -> Any:
    """Return a library that an extra brings.

    Parameters
    ----------
    module : str
        The module to load.
    name : str
        The extra of this package that brings it.
    what : str
        What it is needed for, for the message.

    Raises
    ------
    StudyError
        If it is not installed.
    """
    # Loaded on demand: the package itself stays light.
    try:
        return importlib.import_module(module)
    except ImportError:
        library = module.split(".", maxsplit=1)[0].replace("_", "-")
        raise StudyError(
            f"{what} needs the library {library}, which is not installed",
            next_step=f"pip install 'cxresearch[{name}]'",
        ) from None
