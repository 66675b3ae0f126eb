"""Who leaves after a text: from each customer's first text on, by what that text mentions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.stats.intervals.differences import mover_difference
from cxresearch.stats.intervals.proportions import Bounds
from cxresearch.stats.survival.kaplan_meier import kaplan_meier
from cxresearch.voice.why.study_texts import collect_columns, columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.voice.why.themes import Themes

#: Fewer customers than this on a side, or fewer leavers in all, and nothing is compared.
LEAST_CUSTOMERS, LEAST_LEAVERS = 30, 5
_COLUMNS = ("left_with", "left_without", "left_difference", "left_low", "left_high", "left_n")


def later_leaving(themes: Themes, *, horizon_days: float, level: float) -> pd.DataFrame:
    """Compare leaving after a first text that mentions each theme with leaving after one that does not.

    Parameters
    ----------
    themes : Themes
    horizon_days : float
        Days from the text within which leaving counts.
    level : float

    Returns
    -------
    DataFrame
        Columns ``theme, left_with, left_without, left_difference, left_low, left_high, left_n`` (customers
        whose first text mentions it); NaN without customers' ends, or where fewer than 30 customers stand on
        a side.

    Notes
    -----
    Time starts at each customer's first text, which settles the group: no later text, and no notice before
    it. Leaving is dated at the notice where it is known; involuntary ends and the data cut censor. Shares
    are one less Kaplan-Meier at the horizon; the difference is that of two independent estimates (MOVER on
    log-log limits).
    """
    names = list(themes.marks.labels)
    nothing = pd.DataFrame({"theme": names, **dict.fromkeys(_COLUMNS, np.nan)})
    followed = _followed(themes, horizon_days)
    if followed is None or followed["event"].sum() < LEAST_LEAVERS:
        return nothing
    flags = themes.flags[followed["row"].to_numpy()]
    lines = [_compared(followed, flags[:, at], horizon_days, level) for at in range(len(names))]
    return pd.DataFrame(lines, columns=list(_COLUMNS)).assign(theme=names)


def _followed(themes: Themes, horizon_days: float) -> pd.DataFrame | None:
    """Each customer's first text, the days that follow it, and whether the customer leaves in them."""
    study = themes.themed_study
    rows = themes.rows
    if not {"customer_id", "moment"} <= set(rows) or "ended_at" not in columns_of(study, "customers"):
        return None
    people = collect_columns(
        study, "customers", ("customer_id", "started_at", "ended_at", "end_kind", "notice_at")
    )
    first = (
        rows.reset_index(names="row").dropna(subset=["moment"]).sort_values(["moment", "row"], kind="stable")
    )
    # one text a customer: the later ones might be written because of leaving
    first = first.drop_duplicates("customer_id")[["row", "customer_id", "moment"]]
    table = first.merge(people, on="customer_id", how="inner")
    cut = pd.Timestamp(study.observed_until)
    # ends after the data cut are not known yet
    leaves = table["ended_at"].where(table["ended_at"] <= cut)
    if "notice_at" in table:
        leaves = table["notice_at"].where(table["notice_at"] <= cut).combine_first(leaves)
    # where no kind is stated every end counts as the customer's choice
    voluntary = np.ones(len(table), dtype=np.bool_)
    if "end_kind" in table:
        voluntary = (table["end_kind"].fillna("voluntary") == "voluntary").to_numpy()
    until = leaves.fillna(cut)
    days = (until - table["moment"]).dt.total_seconds().to_numpy() / 86_400
    event = leaves.notna().to_numpy() & voluntary & (days <= horizon_days)
    followed = pd.DataFrame(
        {"row": table["row"].to_numpy(), "days": np.minimum(days, horizon_days), "event": event}
    )
    # who had given notice, or had left, before the text is not at risk
    return followed[followed["days"] > 0].reset_index(drop=True)


def _compared(
    followed: pd.DataFrame, mentions: NDArray[np.bool_], horizon_days: float, level: float
) -> dict[str, Any]:
    sides = (followed[mentions], followed[~mentions])
    if min(len(side) for side in sides) < LEAST_CUSTOMERS:
        return {**dict.fromkeys(_COLUMNS, float("nan")), "left_n": float(len(sides[0]))}
    left, with_bounds = _left_within(sides[0], horizon_days, level)
    stayed_away, without_bounds = _left_within(sides[1], horizon_days, level)
    difference = mover_difference(
        np.array([left]), with_bounds, np.array([stayed_away]), without_bounds, level=level
    )
    return {
        "left_with": left,
        "left_without": stayed_away,
        "left_difference": float(difference.difference[0]),
        "left_low": float(difference.low[0]),
        "left_high": float(difference.high[0]),
        "left_n": float(len(sides[0])),
    }


def _left_within(side: pd.DataFrame, horizon_days: float, level: float) -> tuple[float, Bounds]:
    """Share that has left by the horizon, with its limits."""
    curve = kaplan_meier(side["days"].to_numpy(), side["event"].to_numpy(), level=level)
    # no curve is read beyond its last customer at risk
    stayed = curve.share_at(min(horizon_days, curve.follow_up))
    return 1 - stayed.value, Bounds(np.array([1 - stayed.high]), np.array([1 - stayed.low]))
