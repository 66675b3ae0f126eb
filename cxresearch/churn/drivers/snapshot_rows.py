"""The customers of a study without time, of whom it is known who left, but not when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw
import pandas as pd

from cxresearch.data.engine import collect
from cxresearch.data.table_layouts import SNAPSHOT
from cxresearch.data.validation.outcome_names import status_words
from cxresearch.errors import ArgumentError

if TYPE_CHECKING:
    from cxresearch.data.study import Study


def snapshot_rows(study: Study) -> pd.DataFrame:
    """Return the customers of a snapshot.

    Parameters
    ----------
    study : Study
        Declared as ``kind = "snapshot"``.

    Returns
    -------
    DataFrame
        Valid rows; ``left`` is 1.0 for who left and 0.0 for who is still there.

    Raises
    ------
    ArgumentError
        If the study has time.
    StudyError
        If rows break rules and the limits of the study do not allow them to be set aside.
    """
    if study.kind != "snapshot":
        raise ArgumentError(
            "this study has dates, and a snapshot is asked for",
            wanted='a study declared as kind = "snapshot"',
            next_step="cx.compare and cx.fit_churn over cx.landmark(study) say what comes before leaving",
        )
    rows = study.table(SNAPSHOT)
    words = status_words()
    gone = nw.col("left").str.strip_chars().str.to_lowercase().is_in([*words["yes"], *words["left"]])
    left = nw.when(gone).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
    return collect(rows.with_columns(left=left))
