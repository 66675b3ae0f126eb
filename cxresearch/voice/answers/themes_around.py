"""What customers wrote before a day and since: the share of texts of each theme on either side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit
from cxresearch.stats.intervals.many_tests import holm
from cxresearch.stats.models.linear import linear_fit
from cxresearch.voice.why.study_texts import collect_columns, columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.voice.why.themes import Themes

#: Texts that each side has at least, and mentions that a theme has in all.
LEAST_TEXTS, LEAST_MENTIONS = 30, 10

AROUND = TableSpec(
    title="What they wrote before that day and since, with {level} intervals",
    columns=(
        Column(name="label", label="theme", meaning="what a report calls the theme"),
        Column(name="before", label="before", meaning="share of texts before the day", unit=Unit.SHARE),
        Column(name="after", label="since", meaning="share of texts from the day on", unit=Unit.SHARE),
        Column(
            name="change",
            label="change",
            meaning="share since less share before, linked within customers",
            unit=Unit.SHARE_DIFFERENCE,
            low="low",
            high="high",
        ),
        Column(name="p_adjusted", label="p, corrected", meaning="Holm over themes", unit=Unit.P_VALUE),
        Column(
            name="others_before",
            label="others before",
            meaning="the same share among all other customers",
            unit=Unit.SHARE,
        ),
        Column(name="others_after", label="others since", meaning="likewise", unit=Unit.SHARE),
        Column(name="n_before", label="texts before", meaning="of the group", unit=Unit.COUNT),
        Column(name="n_after", label="texts since", meaning="of the group", unit=Unit.COUNT),
    ),
)
_NAMES = ["theme", *(name for each in AROUND.columns for name in (each.name, each.low, each.high) if name)]


def themes_around(
    themes: Themes, day: pd.Timestamp, *, column: str = "", group: str = "", level: float = 0.95
) -> pd.DataFrame:
    """Compare the shares of themes before a day and since, in one group of customers.

    Parameters
    ----------
    themes : Themes
        Of dated texts.
    day : Timestamp
        A local day of the study.
    column, group : str
        A column of customers and one of its groups; empty: all customers.
    level : float

    Returns
    -------
    DataFrame
        One row a theme, the largest rise first; empty where a side has fewer than 30 texts.

    Notes
    -----
    Linear model of mentioning on the side of the day, errors linked within customers (see ``linear_fit``).
    """
    rows = themes.rows
    if "moment" not in rows or not len(rows):
        return pd.DataFrame(columns=_NAMES)
    # texts are dated in UTC, the fall in local days
    zone = themes.themed_study.timezone
    local = rows["moment"].dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
    after = (local >= day).to_numpy()
    inside = _members(themes, column, group)
    lines = []
    for theme in themes.names:
        line = _line(themes.of(theme), after, inside, rows, level=level)
        if line:
            lines.append({"theme": theme, "label": themes.label(theme), **line})
    table = pd.DataFrame(lines, columns=_NAMES)
    table["p_adjusted"] = holm(table["p_adjusted"])
    return table.sort_values("change", ascending=False, kind="stable", ignore_index=True)


def _members(themes: Themes, column: str, group: str) -> NDArray[np.bool_]:
    """Which texts are of customers of the group."""
    study = themes.themed_study
    if not column or "customers" not in study.tables or column not in columns_of(study, "customers"):
        return np.ones(len(themes.rows), dtype=bool)
    people = collect_columns(study, "customers", ("customer_id", column)).set_index("customer_id")[column]
    members: pd.Series[Any] = themes.rows["customer_id"].map(people)
    return (members.astype("string").fillna("") == group).to_numpy(dtype=bool)


def _line(
    said: NDArray[np.bool_],
    after: NDArray[np.bool_],
    inside: NDArray[np.bool_],
    rows: pd.DataFrame,
    *,
    level: float,
) -> dict[str, float]:
    before_group = inside & ~after
    after_group = inside & after
    # a share of few texts, or of a theme that hardly anybody or everybody mentions, is not judged
    few = min(int(before_group.sum()), int(after_group.sum())) < LEAST_TEXTS
    mentions = int(said[inside].sum())
    if few or mentions < LEAST_MENTIONS or mentions > inside.sum() - LEAST_MENTIONS:
        return {}
    people = pd.factorize(rows["customer_id"][inside])[0].astype(np.int64)
    # P(mention) = before + change x (whether since the day)
    design = np.column_stack([np.ones(inside.sum()), after[inside]]).astype(np.float64)
    fit = linear_fit(design, said[inside].astype(np.float64), cluster=people)
    low, high = fit.interval(level)
    return {
        "before": float(said[before_group].mean()),
        "after": float(said[after_group].mean()),
        "change": float(fit.coefficients[1]),
        "low": float(low[1]),
        "high": float(high[1]),
        "p_adjusted": float(fit.p_values[1]),
        "others_before": _share(said[~inside & ~after]),
        "others_after": _share(said[~inside & after]),
        "n_before": int(before_group.sum()),
        "n_after": int(after_group.sum()),
    }


def _share(said: NDArray[np.bool_]) -> float:
    if len(said) < LEAST_TEXTS:
        return float("nan")
    return float(said.mean())
