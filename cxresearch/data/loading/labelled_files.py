"""SPSS and Stata files: codes as they stand, their labels beside them, user-missing codes as no value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from cxresearch.data.loading.extras import extra
from cxresearch.errors import StudyError
from cxresearch.wording import shown

LABELLED_FILES = (".sav", ".zsav", ".por", ".dta")
_READERS = {".sav": "read_sav", ".zsav": "read_sav", ".por": "read_por", ".dta": "read_dta"}


def read_labelled(path: Path) -> pa.Table:
    """Return a labelled file as a table.

    A column with value labels gives two: its codes under its name, and their labels under ``<name>_label``
    where a code has one. Codes declared as missing are no value.

    Raises
    ------
    StudyError
        If the file cannot be read, or has no row.
    """
    frame, meta = _read(path, metadataonly=False)
    if not len(frame):
        raise StudyError("the table is empty", where=path.name)
    columns: dict[str, pd.Series[Any]] = {}
    for name in frame.columns:
        values = frame[name]
        if values.dtype == object and values.map(lambda cell: isinstance(cell, str) or cell is None).all():
            values = values.replace("", None)
        columns[str(name)] = values
        # Codes and labels side by side: neither is guessed to be the one that is meant.
        labels = meta.variable_value_labels.get(name)
        if labels:
            columns[f"{name}_label"] = frame[name].map(labels).astype("string")
    table: pa.Table = pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)
    return table


def labelled_titles(path: Path) -> dict[str, str]:
    """Return the question of each column, where the file has one."""
    _, meta = _read(path, metadataonly=True)
    return {str(name): str(title) for name, title in meta.column_names_to_labels.items() if title}


def _read(path: Path, *, metadataonly: bool) -> tuple[Any, Any]:
    pyreadstat = extra("pyreadstat", name="spss", what="an SPSS or Stata file")
    reader = getattr(pyreadstat, _READERS[path.suffix.lower()])
    try:
        return reader(str(path), metadataonly=metadataonly, apply_value_formats=False)  # type: ignore[no-any-return]
    except (pyreadstat.ReadstatError, OSError, UnicodeDecodeError) as error:
        raise StudyError(f"the file cannot be read: {shown(error, longest=120)}", where=path.name) from None
