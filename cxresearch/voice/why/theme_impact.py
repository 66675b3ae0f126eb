"""``theme_impact``: what goes with a theme: the score, revenue behind it, leaving later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from cxresearch.checks import check_choice, check_level, check_number
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.survey.score_measures import measure_of, measures_for, sense_of
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.stats.models.linear import independent_columns, linear_fit
from cxresearch.voice.why.later_leaving import later_leaving
from cxresearch.voice.why.study_texts import (
    collect_columns,
    columns_of,
    customers_gone,
    revenue_levels,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.metrics.survey.score_measures import Measure
    from cxresearch.voice.why.themes import Themes

#: A theme mentioned in fewer scored texts is not judged: below that its error is not known well enough.
LEAST_MENTIONS = 10
#: Columns of the table after ``theme`` and ``label``.
COLUMNS = (
    "texts",
    "share",
    "with_theme",
    "without_theme",
    "difference",
    "contribution",
    "effect",
    "low",
    "high",
    "p_value",
    "p_adjusted",
    "small_base",
    "mrr",
    "mrr_share",
    "left_with",
    "left_without",
    "left_difference",
    "left_low",
    "left_high",
    "left_n",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class ThemeImpact(Result):
    """What goes with each theme.

    Attributes
    ----------
    instrument, measure : str
        The question and what is made of its answers.
    table : DataFrame
        One row a theme, the most harmful first. NaN where the study does not tell.
    score : float
        Of all texts with a score.
    n, n_missing : int
        Texts with a score and without.
    unit : Unit
    good_is_high : bool
    by : tuple of str
        Columns held equal.
    horizon_days : float
    level : float
    notes : tuple of str
    """

    instrument: str
    measure: str
    table: pd.DataFrame
    score: float
    n: int
    n_missing: int
    unit: Unit
    good_is_high: bool
    by: tuple[str, ...]
    horizon_days: float
    level: float
    notes: tuple[str, ...]

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="label", label="theme", meaning="what a report calls the theme"),
                Column(
                    name="effect",
                    label="effect on the score",
                    meaning="of mentioning it, beside the other themes and the groups",
                    low="low",
                    high="high",
                ),
                Column(
                    name="p_adjusted",
                    label="p, corrected",
                    meaning="of no effect, Holm over themes",
                    unit=Unit.P_VALUE,
                ),
                Column(name="texts", label="texts", meaning="with a score that mention it", unit=Unit.COUNT),
                Column(name="share", label="share of texts", meaning="that mention it", unit=Unit.SHARE),
                Column(name="with_theme", label="score with", meaning="score of texts that mention it"),
                Column(name="without_theme", label="score without", meaning="score of the other texts"),
                Column(name="contribution", label="contribution", meaning="score of all less score without"),
                Column(
                    name="mrr_share",
                    label="revenue behind it",
                    meaning="share of recurring revenue of customers who mention it and are still there",
                    unit=Unit.SHARE,
                ),
                Column(
                    name="left_difference",
                    label="leaving after it",
                    meaning="share that leaves within the horizon after a first text with it, less without",
                    unit=Unit.SHARE_DIFFERENCE,
                    low="left_low",
                    high="left_high",
                ),
            ),
            title="What goes with each theme, {level} intervals; {n:,} texts",
        )
    }

    @property
    def sure(self) -> pd.DataFrame:
        """The themes whose effect is not chance, after the correction over all of them."""
        return self.table[self.table["p_adjusted"] < 1 - self.level]

    @property
    def harmful(self) -> pd.DataFrame:
        """Those of them that go with a worse score, the worst first."""
        if self.good_is_high:
            return self.sure[self.sure["effect"] < 0]
        return self.sure[self.sure["effect"] > 0]

    @property
    def finding(self) -> str:
        """The answer in a sentence or two."""
        label = self.measure
        worst = self.harmful
        if not len(worst):
            seen = self._detectable()
            return (
                f"No theme goes with a worse {label} beyond chance; an effect of {seen} would have been seen "
                "for most of them."
            )
        first = worst.iloc[0]
        figure = format_estimate(first["effect"], first["low"], first["high"], self.unit, signed=True)
        share = format_value(first["share"], Unit.SHARE)
        others = [str(row["label"]) for row in worst.iloc[1:4].to_dict("records")]
        more = " No other theme does."
        if len(others) == 1:
            more = f" So does {others[0]}."
        if len(others) > 1:
            more = f" So do {', '.join(others)}."
        return (
            f"{first['label']} goes with the worst {label}: {figure} beside the other themes, in {share} of "
            f"the comments.{more}"
        )

    def _detectable(self) -> str:
        judged = self.table["low"].notna()
        half = ((self.table["high"] - self.table["low"]) / 2)[judged]
        if not len(half):
            return "any size (too few mentions)"
        # 80 % power at 5 %: 2.8 standard errors, 1.96 of them in the half-width
        return format_value(float(half.median()) * 2.8 / 1.96, self.unit)

    def spec(self, name: str = "table") -> TableSpec:
        """Return what the columns mean, in the unit of the score."""
        spec = super().spec(name)
        for column in ("with_theme", "without_theme", "contribution", "effect"):
            spec = spec.change(column, unit=self.unit)
        return spec

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and the finding as plain values."""
        return {"finding": self.finding, **super().to_dict()}


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
