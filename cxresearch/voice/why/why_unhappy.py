"""``why_unhappy``: what unhappy customers write about, what goes with it, and since when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.voice.when.change_sentences import day_range
from cxresearch.voice.when.since_when import since_when
from cxresearch.voice.why.emerging_themes import EmergingThemes, emerging_themes
from cxresearch.voice.why.theme_impact import theme_impact
from cxresearch.voice.why.theme_impact_result import ThemeImpact

if TYPE_CHECKING:
    from cxresearch.data.engine import Every
    from cxresearch.voice.when.since_when_result import SinceWhen
    from cxresearch.voice.why.themes import Themes

#: Rising themes whose day is looked for, and themes that a sentence names.
MOST_DATED, MOST_NAMED = 3, 3


@dataclass(frozen=True, kw_only=True, eq=False)
class WhyUnhappy(Result):
    """Why customers are unhappy, by what they write.

    Attributes
    ----------
    table : DataFrame
        One row a theme, the most harmful first.
    impact : ThemeImpact
        What goes with each theme; the first picture.
    changes : EmergingThemes
        Which themes rise or fade, with one error over all.
    trends : Mapping of str to SinceWhen
        The course of each rising theme, newest first; the second picture.
    n, n_missing : int
        Texts with a score, and without.
    level : float
    notes : tuple of str
    """

    table: pd.DataFrame
    impact: ThemeImpact
    changes: EmergingThemes
    trends: Mapping[str, SinceWhen]
    n: int
    n_missing: int
    level: float
    notes: tuple[str, ...]

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="label", label="theme", meaning="what a report calls the theme"),
                Column(name="share", label="share of texts", meaning="that mention it", unit=Unit.SHARE),
                Column(
                    name="effect",
                    label="effect on the score",
                    meaning="of mentioning it, beside the other themes and the groups",
                    low="low",
                    high="high",
                ),
                Column(
                    name="p_adjusted", label="p, corrected", meaning="Holm over themes", unit=Unit.P_VALUE
                ),
                Column(name="since", label="more since", meaning="first day of the higher share"),
                Column(name="before", label="share before", meaning="that day", unit=Unit.SHARE),
                Column(name="after", label="share since", meaning="from that day on", unit=Unit.SHARE),
            ),
            title="Why they are unhappy; {n:,} texts with a score, {level} intervals",
        )
    }

    def spec(self, name: str = "table") -> TableSpec:
        """Return what the columns mean, in the unit of the score."""
        return super().spec(name).change("effect", unit=self.impact.unit)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to tell a manager: what hurts, then what rose and when."""
        return (self._hurts(), *self._rose())

    @property
    def finding(self) -> str:
        """The answer in a few sentences."""
        return " ".join(self.sentences)

    def _hurts(self) -> str:
        worst = self.impact.harmful.head(MOST_NAMED)
        if not len(worst):
            return self.impact.finding
        first = worst.iloc[0]
        figure = format_estimate(first["effect"], first["low"], first["high"], self.impact.unit, signed=True)
        share = format_value(first["share"], Unit.SHARE)
        lead = f"What goes most with unhappy answers is {first['label']}: {share} of comments mention it"
        text = f"{lead}, and {self.impact.measure} differs by {figure} where they do."
        if len(worst) == 1:
            return f"{text} Nothing else they write goes with a worse {self.impact.measure} beyond chance."
        others = ", ".join(str(label) for label in worst["label"].iloc[1:])
        return f"{text} Next: {others}."

    def _rose(self) -> list[str]:
        dated = self.table.dropna(subset=["since"]).sort_values("since", ascending=False, kind="stable")
        if not len(dated):
            return [self.changes.finding]
        return [_since_sentence(row) for row in dated.to_dict("records")]


def _since_sentence(row: Mapping[Any, Any]) -> str:
    before, after = (format_value(row[side], Unit.SHARE) for side in ("before", "after"))
    days = day_range(row["since_low"], row["since_high"])
    span = f" ({days})"
    if days == "that day":
        span = ""
    when = f"Since {row['since']:%-d %B %Y}{span}"
    return f"{when} they write more about {row['label']} ({before} → {after} of comments)."


def why_unhappy(
    themes: Themes,
    instrument: str | None = None,
    *,
    by: Sequence[str] = (),
    every: Every = "month",
    level: float = 0.95,
    seed: int = 0,
) -> WhyUnhappy:
    """Say in a few sentences what goes with unhappy answers, and what they write more about since when.

    Parameters
    ----------
    themes : Themes
        Of comments, from `themes`.
    instrument : str, optional
        The question; by default the study's first.
    by : sequence of str
        Columns of responses or customers that are held equal.
    every : {"day", "week", "month", "quarter", "year"}
        Periods in which a theme may rise.
    level : float
        Confidence level; its complement is the chance that any theme is said to hurt where none does, and
        likewise that any is said to have risen.
    seed : int

    Returns
    -------
    WhyUnhappy
        ``cx.plot`` draws how often by how much; with ``kind="trend"`` the course of the newest theme.

    Raises
    ------
    ArgumentError, DataError
        As `theme_impact` and `emerging_themes`.

    Notes
    -----
    What hurts is `theme_impact`, Holm over themes; what rose is `emerging_themes`, one error over themes and
    periods; only for themes that rose is the day looked for (`since_when`). Guide: ``docs/why.md``.

    See Also
    --------
    key_drivers : themes beside groups and facts of tickets.
    """
    impact = theme_impact(themes, instrument, by=by, level=level)
    changes = emerging_themes(themes, every=every, level=level, seed=seed)
    rising = changes.table[changes.table["direction"] == "rising"]
    # a day is looked for only where the rise itself is beyond chance
    names = list(dict.fromkeys(rising["theme"]))[:MOST_DATED]
    trends = {name: since_when(themes, f"theme:{name}", level=level, seed=seed) for name in names}
    table = impact.table[["theme", "label", "texts", "share", "effect", "low", "high", "p_adjusted"]].copy()
    rises = pd.DataFrame([_rise(name, trend) for name, trend in trends.items()], columns=_RISE)
    return WhyUnhappy(
        table=table.merge(rises, on="theme", how="left"),
        impact=impact,
        changes=changes,
        trends=trends,
        n=impact.n,
        n_missing=impact.n_missing,
        level=level,
        notes=(*impact.notes, *changes.notes),
    )


_RISE = ["theme", "since", "since_low", "since_high", "before", "after"]


def _rise(name: str, trend: SinceWhen) -> dict[str, Any]:
    """The surest rise of a theme that still stands; nothing where no day can be told."""
    nothing = dict.fromkeys(_RISE[1:4], pd.NaT) | {"before": np.nan, "after": np.nan}
    rows = trend.table
    # a rise that ended since is history
    rows = rows[rows["until"].isna() & (rows["change"] > 0)]
    if not len(rows):
        return {"theme": name, **nothing}
    surest = rows.iloc[0]
    return {"theme": name, **{column: surest[column] for column in _RISE[1:]}}
