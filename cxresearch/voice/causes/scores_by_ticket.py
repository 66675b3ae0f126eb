"""``scores_by_ticket``: scores by what their tickets were like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from scipy import stats

from cxresearch.checks import check_level
from cxresearch.errors import ArgumentError, DataError
from cxresearch.results.hiding import SUPPRESS_BELOW
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate
from cxresearch.voice.causes.answered_tickets import answers_with_tickets, person_column
from cxresearch.voice.why.study_texts import collect_columns, columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.data.study import Study

SMALL_BASE = 30
#: Facts of a ticket that are made of its columns.
FACTS = {
    "reopened": "reopens",
    "handed_off": "handoffs",
    "other_channel": "preferred_channel",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoresByTicket(Result):
    """Scores of answers by a fact of their tickets.

    Attributes
    ----------
    table : DataFrame
        One row a group, the lowest shrunk score first.
    by, measure : str
    score : float
        Of all answers with a ticket.
    between : float
        Standard deviation of the true scores between groups; 0 where chance explains all differences.
    n, n_missing : int
        Answers with a ticket, and without one that the study has.
    unit : Unit
    level : float
    notes : tuple of str
    """

    table: pd.DataFrame
    by: str
    measure: str
    score: float
    between: float
    n: int
    n_missing: int
    unit: Unit
    level: float
    notes: tuple[str, ...]

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="group", label="group", meaning="of the tickets"),
                Column(name="value", label="score", meaning="of its answers", low="low", high="high"),
                Column(
                    name="shrunk",
                    label="shrunk",
                    meaning="score drawn to that of all, the more the fewer answers: rank by this",
                    low="shrunk_low",
                    high="shrunk_high",
                ),
                Column(name="n", label="answers", meaning="with a ticket of this group", unit=Unit.COUNT),
                Column(name="customers", label="customers", meaning="who gave them", unit=Unit.COUNT),
            ),
            title="Scores by fact of the ticket, {level} intervals; {n:,} answers",
        )
    }

    def spec(self, name: str = "table") -> TableSpec:
        """Return what the columns mean, in the unit of the score."""
        return super().spec(name).change("value", unit=self.unit).change("shrunk", unit=self.unit)

    @property
    def finding(self) -> str:
        """The answer in a sentence or two."""
        shown = self.table.dropna(subset=["shrunk"])
        if len(shown) < 2 or self.between == 0:
            return f"{self.measure} does not differ by {self.by} beyond chance ({self.n:,} answers)."
        first, last = shown.iloc[0], shown.iloc[-1]
        low = format_estimate(first["shrunk"], first["shrunk_low"], first["shrunk_high"], self.unit)
        high = format_estimate(last["shrunk"], last["shrunk_low"], last["shrunk_high"], self.unit)
        lowest = f"{self.measure} is lowest with {self.by} {first['group']} ({low})"
        return f"{lowest}, highest with {last['group']} ({high})."


def scores_by_ticket(
    study: Study,
    by: str,
    *,
    instrument: str | None = None,
    measure: str | None = None,
    level: float = 0.95,
) -> ScoresByTicket:
    """Compare scores by a fact of the ticket they are about.

    Parameters
    ----------
    study : Study
        ``responses`` with ``ticket_id``, and ``tickets``.
    by : str
        Column of tickets (category, team, agent_id, channel), or ``"reopened"``, ``"handed_off"``
        (``handoffs`` above 0), ``"other_channel"`` (``preferred_channel`` of the answer, ticket or customer
        is not the ticket's ``channel``).
    instrument : str, optional
        By default the first question with answers that name a ticket.
    measure : str, optional
        ``"nps"``, ``"mean"``, ``"top_2_box"`` or ``"top_box"``; by default the customary one.
    level : float

    Returns
    -------
    ScoresByTicket
        Groups of fewer than five answers have no value. Shrunk scores are empirical Bayes: an agent with five
        answers leads no list.

    Raises
    ------
    ArgumentError
        If answers name no tickets, or there is no such column.
    DataError
        If no answer names a ticket that the study has.

    Notes
    -----
    Error of a group: pooled spread within groups over its customers' answers, linked. Between groups:
    DerSimonian and Laird (1986), doi:10.1016/0197-2456(86)90046-2. A shrunk interval is that of the posterior
    normal (Morris 1983, doi:10.1080/01621459.1983.10477920). Guide: ``docs/why.md``.
    """
    check_level(level)
    rows, chosen, missing = answers_with_tickets(study, instrument, measure)
    rows["group"] = _groups(study, rows, by)
    rows = rows[rows["group"].notna()]
    if not len(rows):
        raise DataError(f"no answer's ticket has a {by}", wanted="tickets with it")
    table, between, total = _shrunk(rows, level)
    return ScoresByTicket(
        table=table,
        by=by,
        measure=chosen.label,
        score=total,
        between=between,
        n=len(rows),
        n_missing=missing,
        unit=chosen.unit,
        level=level,
        notes=_notes(table, missing),
    )


def _notes(table: pd.DataFrame, missing: int) -> tuple[str, ...]:
    notes = ["Who wrote which ticket is no experiment: hard cases go to some agents more than to others."]
    hidden = int(table["value"].isna().sum())
    if hidden:
        notes.append(f"{hidden} groups of fewer than {SUPPRESS_BELOW} answers are hidden.")
    if missing:
        notes.append(f"{missing:,} answers name no ticket that the study has.")
    return tuple(notes)


def _groups(study: Study, rows: pd.DataFrame, by: str) -> pd.Series[Any]:
    if by not in FACTS:
        if by not in columns_of(study, "tickets"):
            choices = sorted({*columns_of(study, "tickets"), *FACTS} - {"ticket_id", "customer_id"})
            raise ArgumentError(f"tickets have no column {by!r}", wanted="one of " + ", ".join(choices))
        return rows[by]
    if by == "other_channel":
        return _other_channel(study, rows)
    if FACTS[by] not in rows:
        raise ArgumentError(f"tickets have no column {FACTS[by]!r}", next_step="map it in the study file")
    more = rows[FACTS[by]].to_numpy(dtype=np.float64) > 0
    known = rows[FACTS[by]].notna()
    return pd.Series(np.where(more, "yes", "no"), index=rows.index, dtype=object).where(known)


def _other_channel(study: Study, rows: pd.DataFrame) -> pd.Series[Any]:
    used = rows.get("channel")
    preferred = rows.get("preferred_channel", rows.get("preferred_channel_answer"))
    if preferred is None and "preferred_channel" in columns_of(study, "customers"):
        people = collect_columns(study, "customers", ("customer_id", "preferred_channel"))
        preferred = rows[person_column(rows)].map(people.set_index("customer_id")["preferred_channel"])
    if used is None or preferred is None:
        raise ArgumentError(
            "nobody says which channel was preferred, or used",
            wanted="channel in tickets and preferred_channel in responses, tickets or customers",
        )
    known = used.notna() & preferred.notna()
    return pd.Series(np.where(used == preferred, "no", "yes"), index=rows.index, dtype=object).where(known)


def _shrunk(rows: pd.DataFrame, level: float) -> tuple[pd.DataFrame, float, float]:
    """Scores of groups and what is left of them after shrinkage; spread between groups; score of all."""
    grouped = rows.groupby("group", sort=True)
    table = grouped.agg(
        n=("value", "size"), mean=("value", "mean"), customers=("who", "nunique")
    ).reset_index()
    total = float(rows["value"].mean())
    within = rows["value"] - grouped["value"].transform("mean")
    freedom = max(len(rows) - len(table), 1)
    # pooled variance within groups: sum of squares over n - groups
    pooled = float((within**2).sum()) / freedom
    # answers of one customer in one group count as far as they are independent: sum of squared sizes
    sizes = rows.groupby(["group", "who"]).size()
    squares = (sizes**2).groupby(level=0).sum().reindex(table["group"]).to_numpy(dtype=np.float64)
    linked = _linked(rows, within)
    design = 1 + linked * (squares / table["n"].to_numpy() - 1)
    variance = pooled * design / table["n"].to_numpy()
    between2, centre = _between(table["mean"].to_numpy(), variance)
    z = float(stats.norm.ppf(0.5 + level / 2))
    # empirical Bayes: shrinkage towards the centre by variance between over total
    weight = between2 / (between2 + variance)
    # posterior variance, and what the centre that scores are drawn to is not known by (Morris 1983)
    of_centre = 1 / (1 / (variance + between2)).sum()
    error = np.sqrt(weight * variance + (1 - weight) ** 2 * of_centre)
    table["value"] = table["mean"]
    table["low"], table["high"] = table["mean"] - z * np.sqrt(variance), table["mean"] + z * np.sqrt(variance)
    table["shrunk"] = centre + weight * (table["mean"] - centre)
    table["shrunk_low"], table["shrunk_high"] = table["shrunk"] - z * error, table["shrunk"] + z * error
    table["small_base"] = table["n"] < SMALL_BASE
    hidden = table["n"] < SUPPRESS_BELOW
    table.loc[hidden, ["value", "low", "high", "shrunk", "shrunk_low", "shrunk_high"]] = np.nan
    table = table.drop(columns="mean").sort_values("shrunk", kind="stable", ignore_index=True)
    return table, float(np.sqrt(between2)), total


def _linked(rows: pd.DataFrame, within: pd.Series[Any]) -> float:
    """Correlation of two answers of one customer in one group, 0 to 1."""
    frame = pd.DataFrame({"group": rows["group"], "who": rows["who"], "e": within.to_numpy()})
    sums = frame.groupby(["group", "who"])["e"].agg(["sum", "size"])
    squares = float((frame["e"] ** 2).sum())
    pairs = float((sums["size"] * (sums["size"] - 1)).sum())
    if pairs == 0 or squares == 0:
        return 0.0
    product = (float((sums["sum"] ** 2).sum()) - squares) / pairs
    return float(np.clip(product / (squares / len(frame)), 0.0, 1.0))


def _between(means: NDArray[np.float64], variance: NDArray[np.float64]) -> tuple[float, float]:
    """Variance of true group means and their centre (DerSimonian and Laird)."""
    # DerSimonian and Laird (1986): Q = sum w (m - centre)^2, C = sum w - sum w^2 / sum w
    weight = 1 / np.maximum(variance, 1e-12)
    centre = float((weight * means).sum() / weight.sum())
    q = float((weight * (means - centre) ** 2).sum())
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    between2 = 0.0
    if scale > 0:
        # tau^2 = (Q - (k - 1)) / C, not below 0
        between2 = max(0.0, (q - (len(means) - 1)) / scale)
    weight = 1 / (np.maximum(variance, 1e-12) + between2)
    return between2, float((weight * means).sum() / weight.sum())
