"""Whether landmark rows have the outcome they follow, and refusals where only leaving makes sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cxresearch.data.landmarks.landmark_outcomes import CHURN
from cxresearch.errors import ArgumentError

if TYPE_CHECKING:
    from cxresearch.aliases import Floats
    from cxresearch.data.landmarks.landmarks import Landmarks


def happened_within(marks: Landmarks) -> Floats:
    """Tell whether each row has the outcome within the horizon: 1, 0, NaN where it is not known, shape (n,).

    Whole landmarks are known or not: of a recent one only those would be known who left at once.
    """
    duration = marks.frame["duration_days"].to_numpy(dtype=np.float64)
    event = marks.frame["event"].to_numpy()
    happened = np.where((event == 1) & (duration <= marks.horizon_days), 1.0, 0.0)
    happened[(event == 0) & (duration < marks.horizon_days)] = np.nan
    if marks.observed_until is not None:
        over = (marks.observed_until - marks.frame["landmark_at"]).dt.total_seconds() / 86_400
        happened[(over < marks.horizon_days).to_numpy()] = np.nan
    return happened


def refuse_other_outcomes(marks: Landmarks, what: str) -> None:
    """Refuse landmarks that follow something else than leaving where only leaving makes sense.

    Raises
    ------
    ArgumentError
        Naming the outcome.
    """
    if marks.followed is not CHURN:
        raise ArgumentError(
            f"{what} is about leaving, and these landmarks follow {marks.followed.noun}",
            next_step="take cx.landmark(study, outcome='churn')",
        )
