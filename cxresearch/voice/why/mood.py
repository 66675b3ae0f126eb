"""``mood``: how many texts without a score are unhappy, learnt from the study's own comments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from scipy import stats

from cxresearch.checks import check_choice, check_level
from cxresearch.errors import ArgumentError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.stats.text.mood_model import MoodModel, fit_mood
from cxresearch.voice.why.study_texts import TextSource, collect_columns, text_source, writers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.data.study import Study
    from cxresearch.scales import Scale

#: Below this lower end of the AUC nothing is said about any text.
LEAST_AUC = 0.7
#: Groups with fewer texts are not shown.
LEAST_TEXTS = 30


@dataclass(frozen=True, kw_only=True, eq=False)
class Mood(Result):
    """How many texts are unhappy.

    Attributes
    ----------
    table : DataFrame
        One row a group of the texts without a score; none where the model cannot tell.
    auc, auc_low, auc_high : float
        How well the model tells unhappy comments from others, on customers it did not learn from.
    can_tell : bool
        Whether ``auc_low`` is at least .7.
    learnt_from, text : str
        Where the texts with a score, and those without, stand.
    n, unhappy : int
        Texts learnt from, and unhappy ones among them.
    level : float
    notes : tuple of str
    """

    table: pd.DataFrame
    auc: float
    auc_low: float
    auc_high: float
    can_tell: bool
    learnt_from: str
    text: str
    n: int
    unhappy: int
    level: float
    notes: tuple[str, ...]
    model: MoodModel | None = field(default=None, repr=False)

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="group", label="group", meaning="of the texts; 'all' for all of them"),
                Column(
                    name="unhappy",
                    label="unhappy",
                    meaning="expected share of unhappy texts",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
                Column(name="n", label="texts", meaning="without a score", unit=Unit.COUNT),
            ),
            title="Texts without a score, {level} intervals",
        )
    }

    @property
    def finding(self) -> str:
        """The answer in a sentence or two."""
        figure = format_estimate(self.auc, self.auc_low, self.auc_high, Unit.AUC)
        if not self.can_tell:
            nothing = (
                f"Words do not tell unhappy texts well enough here (AUC {figure}, {LEAST_AUC:g} is wanted)"
            )
            return f"{nothing}, so nothing is said about texts without a score."
        everyone = self.table.iloc[0]
        share = format_estimate(everyone["unhappy"], everyone["low"], everyone["high"], Unit.SHARE)
        rest = self.table.iloc[1:].sort_values("unhappy", ascending=False)
        worst = ""
        if len(rest):
            worst = f", most in {rest['group'].iloc[0]} ({format_value(rest['unhappy'].iloc[0], Unit.SHARE)})"
        texts = f"{everyone['n']:,} texts without a score"
        return f"About {share} of {texts} are unhappy{worst}; the words' AUC is {figure}."

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values; never a text or a word."""
        values = super().to_dict()
        # its words are customers' words
        values.pop("model")
        return {"finding": self.finding, **values}


def mood(
    study: Study,
    *,
    text: str = "comment",
    instrument: str | None = None,
    to: str = "body",
    by: str = "",
    level: float = 0.95,
    seed: int = 0,
) -> Mood:
    """Say how many texts without a score are unhappy, as far as the study's own words can tell.

    Parameters
    ----------
    study : Study
    text : str
        Texts of responses to learn from.
    instrument : str, optional
        The question whose score says who is unhappy (the bottom answers of its scale); by default the first.
    to : str
        Texts to judge: ``"body"`` or ``"subject"`` of tickets, or ``"table.column"``.
    by : str
        Column of the judged table to tell apart: category, team.
    level, seed

    Returns
    -------
    Mood
        Where the lower end of the AUC is below .7 nothing is said about any text.

    Raises
    ------
    ArgumentError
        If a text, the question or the column is not there.
    DataError
        If fewer than 50 texts of a kind have a score.

    Notes
    -----
    See `fit_mood`. Shares are means of probabilities. Tickets may be written otherwise than comments: read
    differences between groups rather than levels, and label a sample before a level is passed on. Guide:
    ``docs/why.md``.
    """
    check_level(level)
    source, target = text_source(study, text), text_source(study, to)
    if source.table != "responses" or not study.instruments:
        raise ArgumentError(f"texts {text!r} have no score", wanted="a text column of responses")
    name = instrument or next(iter(study.instruments))
    check_choice("instrument", name, tuple(study.instruments))
    rows = collect_columns(study, "responses", ("customer_id", "instrument", "score", source.column))
    rows = rows[(rows["instrument"] == name) & rows["score"].notna() & rows[source.column].notna()]
    model = fit_mood(
        rows[source.column].astype(str).tolist(),
        np.isin(rows["score"].to_numpy(), _bottom(study.instruments[name])),
        pd.factorize(rows["customer_id"])[0].astype(np.int64),
        level=level,
        seed=seed,
    )
    # the lower end must reach it: a lucky sample must not open its mouth
    can_tell = model.auc_low >= LEAST_AUC
    table = pd.DataFrame(columns=["group", "unhappy", "low", "high", "n"])
    judge = None
    if can_tell:
        judge = model
        table = _shares(study, model, target, by=by, level=level)
    return Mood(
        table=table,
        auc=model.auc,
        auc_low=model.auc_low,
        auc_high=model.auc_high,
        can_tell=can_tell,
        learnt_from=f"{source.table}.{source.column}",
        text=f"{target.table}.{target.column}",
        n=model.n,
        unhappy=model.unhappy,
        level=level,
        notes=(f"Learnt from {model.n:,} comments, {model.unhappy:,} of them with an unhappy score.",),
        model=judge,
    )


def _bottom(scale: Scale) -> tuple[int, ...]:
    """Unhappy answers: those declared, else the two worst of five, three of seven, 0 to 6 of an NPS."""
    declared: tuple[int, ...] = tuple(getattr(scale, "bottom", ()) or ())
    if declared:
        return declared
    # worst first, on whichever end of the scale that is
    worst = sorted(scale.levels, reverse=scale.risk_sign > 0)
    size = {11: 7, 7: 3, 5: 2}.get(len(worst), max(1, len(worst) // 3))
    return tuple(worst[:size])


def _shares(study: Study, model: MoodModel, target: TextSource, *, by: str, level: float) -> pd.DataFrame:
    """Expected share of unhappy texts, of all and of each group, linked within customers."""
    table, column = target.table, target.column
    texts = collect_columns(study, table, (column, "customer_id", *filter(None, [by])))
    if by and by not in texts:
        raise ArgumentError(f"{table} have no column {by!r}", wanted="one of its columns")
    texts = texts[texts[column].notna()].reset_index(drop=True)
    risk = model.predict(texts[column].astype(str).tolist())
    people = writers(texts)
    lines = [{"group": "all", **_mean(risk, people, level)}]
    if by:
        for group, members in texts.groupby(by, sort=True).indices.items():
            if len(members) >= LEAST_TEXTS:
                lines.append({"group": str(group), **_mean(risk[members], people[members], level)})
    return pd.DataFrame(lines)


def _mean(risk: NDArray[np.float64], people: NDArray[np.int64], level: float) -> dict[str, Any]:
    if not len(risk):
        return {"unhappy": float("nan"), "low": float("nan"), "high": float("nan"), "n": 0}
    mean = float(risk.mean())
    code = np.unique(people, return_inverse=True)[1].ravel()
    # variance of a mean over customers: squares of their summed influence (r - mean)/n
    summed = np.bincount(code, weights=(risk - mean) / len(risk))
    half = stats.norm.ppf(0.5 + level / 2) * float(np.sqrt((summed**2).sum()))
    return {"unhappy": mean, "low": max(mean - half, 0.0), "high": min(mean + half, 1.0), "n": len(risk)}
