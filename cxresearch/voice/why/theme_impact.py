"""``theme_impact``: what goes with a theme: the score, revenue behind it, leaving later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from cxresearch.checks import check_choice, check_level, check_number
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.survey.score_measures import measure_of, measures_for, sense_of
from cxresearch.results.units import Unit
from cxresearch.stats.models.linear import independent_columns, linear_fit
from cxresearch.voice.why.later_leaving import later_leaving
from cxresearch.voice.why.study_texts import collect_columns, columns_of, customers_gone, revenue_levels
from cxresearch.voice.why.theme_impact_result import COLUMNS, LEAST_MENTIONS, ThemeImpact

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.metrics.survey.score_measures import Measure
    from cxresearch.voice.why.themes import Themes


def theme_impact(
    themes: Themes,
    instrument: str | None = None,
    *,
    measure: str | None = None,
    by: Sequence[str] = (),
    horizon_days: float = 180,
    level: float = 0.95,
) -> ThemeImpact:
    """Say what goes with each theme of comments.

    Parameters
    ----------
    themes : Themes
        Of comments, from `themes`.
    instrument : str, optional
        The question whose score is compared; by default the study's first.
    measure : str, optional
        ``"nps"``, ``"mean"``, ``"top_2_box"`` or ``"top_box"``; by default the customary one.
    by : sequence of str
        Columns of responses or customers that are held equal: segment, touchpoint, channel.
    horizon_days : float
        Days after a customer's first text within which leaving counts.
    level : float
        Confidence level, and its complement the error over all themes together.

    Returns
    -------
    ThemeImpact

    Raises
    ------
    ArgumentError
        If the themes are not of responses, or the question or a column is not there.
    DataError
        If fewer than 30 texts have a score.

    Notes
    -----
    The effect is a coefficient of a linear model of the score on all themes and groups, with errors linked
    within customers (`linear_fit`). It is what goes with mentioning, not what removing the cause would bring.
    Leaving is counted from each customer's first text on, and who mentions a theme is settled by that text
    alone: nothing that is said later, and nothing that was known later, plays a part.

    See Also
    --------
    themes : where themes come from. Guide: ``docs/why.md``.
    """
    check_level(level)
    check_number("horizon_days", horizon_days, above=0)
    study = themes.themed_study
    if themes.marks.table != "responses":
        raise ArgumentError(
            f"the themes are of {themes.text}, which have no score",
            wanted="themes of comments",
            next_step="use cx.metric_table(themes, 'theme_count:...') or recurring_issues",
        )
    chosen, name = _measure(study, instrument, measure)
    rows, n_missing = _scored(themes, name, tuple(by))
    if len(rows) < 30:
        raise DataError(
            f"{len(rows)} texts have a score of {name!r}",
            wanted="30 or more",
            next_step="use another question",
        )
    values = chosen.factor * _values(rows["score"], chosen)
    sign = sense_of(chosen)
    table = _effects(themes, rows, values, by=tuple(by), level=level)
    table = table.merge(_revenue(themes), on="theme", how="left").merge(
        later_leaving(themes, horizon_days=horizon_days, level=level), on="theme", how="left"
    )
    order = (sign * table["effect"]).fillna(np.inf).argsort(kind="stable")
    return ThemeImpact(
        instrument=name,
        measure=chosen.label,
        table=table.iloc[order][["theme", "label", *COLUMNS]].reset_index(drop=True),
        score=float(values.mean()),
        n=len(rows),
        n_missing=n_missing,
        unit={Unit.SHARE: Unit.SHARE_DIFFERENCE}.get(chosen.unit, chosen.unit),
        good_is_high=sign > 0,
        by=tuple(by),
        horizon_days=float(horizon_days),
        level=level,
        notes=_notes(table, n_missing, horizon_days, revenue_levels(study)[1]),
    )


def _measure(study: Any, instrument: str | None, measure: str | None) -> tuple[Measure, str]:
    scales = study.instruments
    if not scales:
        raise ArgumentError("the study declares no question", next_step="declare [instruments]")
    name = instrument or next(iter(scales))
    check_choice("instrument", name, tuple(scales))
    return measure_of(scales[name], measure or measures_for(scales[name])[0]), name


def _values(scores: pd.Series[Any], chosen: Measure) -> NDArray[np.float64]:
    place = (scores.to_numpy(dtype=np.float64) - chosen.scale.low).astype(np.int64)
    return np.asarray(chosen.values, dtype=np.float64)[place]


def _scored(themes: Themes, instrument: str, by: tuple[str, ...]) -> tuple[pd.DataFrame, int]:
    """Texts with a score of one question: text, score, customer, and the groups."""
    study = themes.themed_study
    marks = themes.marks
    own = [column for column in by if column in columns_of(study, "responses")]
    wanted = ("customer_id", "instrument", "score", marks.time, marks.column, *own)
    rows = collect_columns(study, "responses", wanted)
    rows = rows[(rows["instrument"] == instrument) & rows[marks.column].notna()]
    # a comment under several answers of one moment would count several times
    rows = rows.rename(columns={marks.column: "text"}).drop_duplicates(ignore_index=True)
    joined = [column for column in by if column not in own]
    if joined:
        present = columns_of(study, "customers")
        lost = [column for column in joined if column not in present]
        if lost:
            raise ArgumentError(f"group column {lost[0]!r} is in neither responses nor customers")
        people = collect_columns(study, "customers", ("customer_id", *joined))
        rows = rows.merge(people, on="customer_id", how="left")
    scored = rows["score"].notna()
    return rows[scored].reset_index(drop=True), int((~scored).sum())


def _effects(
    themes: Themes,
    rows: pd.DataFrame,
    values: NDArray[np.float64],
    *,
    by: tuple[str, ...],
    level: float,
) -> pd.DataFrame:
    """Scores with and without each theme, and coefficients beside the other themes and the groups."""
    names = list(themes.marks.labels)
    flags = themes.marks.mark(rows["text"].to_numpy(dtype=object))
    count = flags.sum(axis=0)
    # theme and rest both need mentions, else the coefficient rests on a handful of texts
    judged = np.flatnonzero((count >= LEAST_MENTIONS) & (len(rows) - count >= LEAST_MENTIONS))
    # errors are linked within customers, who write more than once
    cluster = pd.factorize(rows["customer_id"])[0].astype(np.int64)
    parts = [np.ones((len(rows), 1)), flags[:, judged].astype(np.float64)]
    if by:
        groups = pd.get_dummies(rows[list(by)].astype(str), drop_first=True)
        parts.append(groups.to_numpy(dtype=np.float64))
    design = np.column_stack(parts)
    kept = independent_columns(design)
    fit = linear_fit(design[:, kept], values, cluster=cluster)
    low, high = fit.interval(level)
    figures = pd.DataFrame(
        {"effect": fit.coefficients, "low": low, "high": high, "p_value": fit.p_values}, index=kept
    ).reindex(range(1, 1 + len(judged)))
    table = pd.DataFrame({"theme": names, "label": [themes.marks.labels[name] for name in names]})
    table["texts"] = count
    table["share"] = count / len(rows)
    total, n = values.sum(), len(values)
    inside = flags.T @ values
    with np.errstate(invalid="ignore", divide="ignore"):
        table["with_theme"] = inside / count
        table["without_theme"] = (total - inside) / (n - count)
    table["difference"] = table["with_theme"] - table["without_theme"]
    # score of all less score without the theme: (sum/n) - (sum - inside)/(n - count)
    table["contribution"] = total / n - table["without_theme"]
    for column in figures.columns:
        table[column] = np.nan
        table.loc[judged, column] = figures[column].to_numpy()
    table["p_adjusted"] = np.nan
    known = table["p_value"].notna()
    if known.any():
        # Holm (1979): no assumption on how themes hang together
        table.loc[known, "p_adjusted"] = multipletests(table.loc[known, "p_value"], method="holm")[1]
    table["small_base"] = table["texts"] < 30
    return table


def _revenue(themes: Themes) -> pd.DataFrame:
    """Recurring revenue at the data cut of the customers who mention each theme and are still there."""
    study = themes.themed_study
    names = list(themes.marks.labels)
    nothing = pd.DataFrame({"theme": names, "mrr": np.nan, "mrr_share": np.nan})
    levels, _ = revenue_levels(study)
    if levels is None or "customer_id" not in themes.rows:
        return nothing
    last = levels.groupby("customer_id")["mrr"].last()
    # revenue of customers who have left is no longer at stake
    last = last[~last.index.isin(customers_gone(study))]
    people = themes.rows["customer_id"]
    total = float(last.sum())
    mrr = [float(last.reindex(people[themes.of(name)].unique()).sum()) for name in names]
    table = pd.DataFrame({"theme": names, "mrr": mrr})
    # nobody pays: there is no share of nothing
    table["mrr_share"] = table["mrr"] / np.where(total > 0, total, np.nan)
    return table


def _notes(table: pd.DataFrame, n_missing: int, horizon_days: float, revenue: str) -> tuple[str, ...]:
    notes = [
        "An effect is what goes with mentioning a theme beside the others; it does not say what mending its "
        "cause would bring."
    ]
    if revenue:
        notes.append(revenue)
    if n_missing:
        notes.append(f"{n_missing:,} texts without a score are left out.")
    few = table.loc[table["effect"].isna(), "label"].tolist()
    if few:
        notes.append(f"Not judged, for fewer than {LEAST_MENTIONS} mentions or as a copy: {', '.join(few)}.")
    if table["left_n"].notna().any():
        notes.append(
            f"Leaving: within {horizon_days:g} days after a customer's first text, by what it mentions."
        )
    return tuple(notes)
