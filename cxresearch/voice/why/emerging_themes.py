"""``emerging_themes``: which themes rise or fade, and when, with one error over all themes and periods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import check_choice, check_level
from cxresearch.data.engine import EVERY, Every
from cxresearch.errors import ArgumentError
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.base.periods import complete_periods
from cxresearch.metrics.survey.theme_metrics import text_rows
from cxresearch.results.period_names import period_label
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.stats.text.mention_changes import mention_changes
from cxresearch.voice.why.study_texts import writers

if TYPE_CHECKING:
    from cxresearch.voice.why.themes import Themes

_FIGURES = ("share", "before", "difference", "low", "high", "p_value", "p_adjusted", "n", "n_before")


@dataclass(frozen=True, kw_only=True, eq=False)
class EmergingThemes(Result):
    """Changes of themes over time.

    Attributes
    ----------
    table : DataFrame
        One row a theme and period that is beyond chance, latest and largest first.
    changes : DataFrame
        All themes and periods that were judged; the columns of the table.
    every : str
    n : int
        Texts.
    level : float
    notes : tuple of str
    """

    table: pd.DataFrame
    changes: pd.DataFrame
    every: str
    n: int
    level: float
    notes: tuple[str, ...]

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="label", label="theme", meaning="what a report calls the theme"),
                Column(name="when", label="period", meaning="the period, in words"),
                Column(name="direction", label="change", meaning="'rising' or 'fading'"),
                Column(name="share", label="share of texts", meaning="in the period", unit=Unit.SHARE),
                Column(
                    name="before", label="before", meaning="share in all periods before it", unit=Unit.SHARE
                ),
                Column(
                    name="difference",
                    label="difference",
                    meaning="share less share before",
                    unit=Unit.SHARE_DIFFERENCE,
                    low="low",
                    high="high",
                ),
                Column(
                    name="p_adjusted",
                    label="p, corrected",
                    meaning="over all themes and periods together",
                    unit=Unit.P_VALUE,
                ),
                Column(name="n", label="texts", meaning="in the period", unit=Unit.COUNT),
            ),
            title="Themes that rise or fade; {n:,} texts",
        )
    }

    @property
    def finding(self) -> str:
        """The answer in a sentence or two."""
        if not len(self.changes):
            return f"No {self.every} has texts enough before and in it to judge a change of any theme."
        rising = self.table[self.table["direction"] == "rising"]
        if not len(rising):
            # 80 % power at 5 %: 2.8 standard errors, 1.96 of them in the half-width
            half = float(((self.changes["high"] - self.changes["low"]) / 2).median()) * 2.8 / 1.96
            seen = format_value(half, Unit.SHARE_DIFFERENCE)
            nothing = f"No theme rises beyond chance in any {self.every}"
            return f"{nothing}; a rise of {seen} would usually have shown."
        # of a theme that stays high, the period in which it rose counts
        first = rising.sort_values("period", kind="stable").drop_duplicates("theme")
        newest = first.iloc[-1]
        figure = format_estimate(
            newest["difference"], newest["low"], newest["high"], Unit.SHARE_DIFFERENCE, signed=True
        )
        lead = f"{newest['label']} is mentioned more since {newest['when']}: {figure} above the time before"
        others = [f"{row['label']} since {row['when']}" for row in first.iloc[:-1].to_dict("records")]
        if not others:
            return f"{lead}."
        return f"{lead}. Earlier: {', '.join(others)}."


def emerging_themes(
    themes: Themes, *, every: Every = "month", level: float = 0.95, seed: int = 0
) -> EmergingThemes:
    """Say which themes rise or fade.

    Parameters
    ----------
    themes : Themes
    every : {"day", "week", "month", "quarter", "year"}
        Each whole period, from the third on, is compared with all before it.
    level : float
        Confidence level; its complement is the chance that any change is named where there is none.
    seed : int

    Returns
    -------
    EmergingThemes

    Raises
    ------
    ArgumentError
        If the texts have no date, or the period is unknown.

    Notes
    -----
    See `mention_changes`. A theme needs five mentions to be expected in a period, and a period 30 texts.
    For the day of one theme's change with its set of days see `since_when`. Guide: ``docs/why.md``.

    See Also
    --------
    themes : where themes come from.
    """
    check_choice("every", every, EVERY)
    check_level(level)
    if "moment" not in themes.rows:
        raise ArgumentError(
            f"the texts of {themes.text} have no date", next_step="map the column that dates them"
        )
    marks = themes.marks
    study: Any = themes.themed_study
    rows = text_rows(study, marks, Query(every=every))
    rows = rows[rows[marks.column].notna() & rows["period"].notna()]
    starts = pd.DatetimeIndex(np.sort(rows["period"].unique()))
    # a running period is compared as if it were whole: left out
    whole = starts[complete_periods(study, starts, every)]
    rows = rows[rows["period"].isin(whole)]
    flags = marks.mark(rows[marks.column].to_numpy(dtype=object))
    people = writers(rows, "who")
    found = mention_changes(
        flags,
        np.searchsorted(whole, rows["period"].to_numpy()).astype(np.int64),
        pd.factorize(people)[0].astype(np.int64),
        level=level,
        seed=seed,
    )
    names = np.array(list(marks.labels), dtype=object)
    changes = pd.DataFrame(
        {
            "theme": names[found.theme],
            "label": [marks.labels[name] for name in names[found.theme]],
            "period": whole[found.period],
            "when": [period_label(start, every) for start in whole[found.period]],
            "direction": np.where(found.difference > 0, "rising", "fading"),
            **{name: getattr(found, name) for name in _FIGURES},
        }
    )
    # adjusted over all themes and periods, so any change named is an error of the whole page
    sure = changes[changes["p_adjusted"] < 1 - level]
    table = sure.sort_values(["period", "difference"], ascending=False, kind="stable", ignore_index=True)
    return EmergingThemes(
        table=table,
        changes=changes,
        every=every,
        n=len(rows),
        level=level,
        notes=(_note(changes, len(starts) - len(whole), every),),
    )


def _note(changes: pd.DataFrame, running: int, every: str) -> str:
    judged = f"{len(changes):,} changes were judged with one error over all of them"
    if not running:
        return f"{judged}."
    return f"{judged}; {running} running {every} is left out."
