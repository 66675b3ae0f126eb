"""Turning points: what happened between a customer's last happy and first unhappy answer."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from cxresearch.aliases import Floats, Ints
from cxresearch.checks import check_level, check_number
from cxresearch.data.engine import collect
from cxresearch.data.study import Study
from cxresearch.errors import ArgumentError
from cxresearch.scales import Scale
from cxresearch.stats.change_points.stratified_rates import RateRatio, Stretches, stratified_rate_ratio
from cxresearch.stats.intervals.many_tests import holm
from cxresearch.voice.turning.happenings import happenings
from cxresearch.voice.turning.turning_points_result import KINDS, TurningPoints

# Octiles of length: finer classes would leave strata without both kinds of stretch.
_LENGTH_CLASSES = 8
_LEAST_EVENTS = 10
_LEAST_TURNS = 30
_DAYS_A_RATE = 30


def turning_points(
    study: Study,
    instrument: str | None = None,
    *,
    most_days: int = 365,
    target_hours: float = 48,
    tickets_by: str | None = None,
    level: float = 0.95,
) -> TurningPoints:
    """Say what happened more often before customers turned unhappy than to those who stayed happy.

    Parameters
    ----------
    study : Study
        With ``responses`` and one at least of ``tickets``, ``events``, ``revenue``.
    instrument : str, optional
        The question; by default the first declared. Happy and unhappy are its scale's ``top`` and ``bottom``.
    most_days : int
        Longer stretches are left out: a customer asked again after years says little about what happened.
    target_hours : float
        A reply or resolution that takes longer is late.
    tickets_by : str, optional
        Column of tickets (category, team) whose most frequent values are looked at one by one.
    level : float
        Confidence level.

    Returns
    -------
    TurningPoints
        One row a kind of happening: rates, rate ratio with interval, p-value corrected by Holm.

    Raises
    ------
    ArgumentError
        If the study lacks a table, the question or the column.

    Notes
    -----
    A turn is the stretch from a happy answer to the next that is happy or unhappy, where that is unhappy; the
    others end happy. Answers in between are passed over. Rates are compared within classes of length and
    quarter of the end (Mantel-Haenszel), so that neither the rhythm of the survey nor the times tell; errors
    are clustered by customer. Late and reopened tickets are also tickets: kinds overlap. Something that goes
    before a turn has not thereby caused it. Guide: docs/who-and-when.md.

    Examples
    --------
    >>> from cxresearch.data.synthetic.company import company_study
    >>> points = turning_points(company_study(seed=1, customers=2000), "csat")
    >>> points.n_turned, points.n_stayed
    (46, 1659)
    """
    check_level(level)
    most = check_number("most_days", most_days, at_least=7)
    target = check_number("target_hours", target_hours, above=0)
    scale = _question(study, instrument)
    name = instrument or next(iter(study.instruments))
    stretches = _stretches(study, name, scale)
    too_long = int((stretches["days"] > most).sum())
    too_short = int((stretches["days"] < 1).sum())
    stretches = stretches[(stretches["days"] <= most) & (stretches["days"] >= 1)].reset_index(drop=True)
    notes = _left_out(too_short, too_long, most)
    turned = stretches["turned"].to_numpy(bool)
    n_turned = int(turned.sum())
    n_stayed = len(turned) - n_turned
    median_days = float(stretches.loc[turned, "days"].median()) if n_turned else float("nan")
    facts: dict[str, Any] = {
        "instrument": name,
        "label": scale.label,
        "level": level,
        "n_turned": n_turned,
        "n_stayed": n_stayed,
        "customers": int(stretches["customer_id"].nunique()),
        "median_days": median_days,
    }
    if min(n_turned, n_stayed) < _LEAST_TURNS:
        return TurningPoints(**facts, table=_table([], level), notes=tuple(notes))
    happened = happenings(study, target_hours=target, tickets_by=tickets_by)
    sides = _classes(stretches)
    ratios = {
        kind: stratified_rate_ratio(_count(stretches, rows), sides, level=level)
        for kind, rows in happened.groupby("kind", sort=True)
    }
    notes.append("kinds overlap: a late ticket is a ticket too")
    if happened.loc[happened["kind"].astype(str).str.startswith("event: "), "customer_id"].isna().any():
        notes.append("events of the whole company are few dates: see around_event for those")
    notes.append("what goes before a turn need not have caused it")
    return TurningPoints(**facts, table=_table(list(ratios.items()), level), notes=tuple(notes))


def _question(study: Study, instrument: str | None) -> Scale:
    if not isinstance(study, Study) or "responses" not in study.tables:
        raise ArgumentError("there are no responses", wanted="a study with responses that name customers")
    if not {"tickets", "events", "revenue"} & set(study.tables):
        raise ArgumentError(
            "nothing is on record that could have happened between two answers",
            wanted="tickets, events or revenue in the study",
        )
    if instrument is None:
        return next(iter(study.instruments.values()))
    if instrument not in study.instruments:
        raise ArgumentError(
            f"instrument {instrument!r} is not declared", wanted="one of " + ", ".join(study.instruments)
        )
    return study.instruments[instrument]


def _stretches(study: Study, instrument: str, scale: Scale) -> pd.DataFrame:
    """Return the stretches that begin with a happy answer: customer_id, start, end, days, turned."""
    score = nw.col("score")
    rows = study.table("responses").filter(nw.col("instrument") == instrument)
    rows = rows.filter(score.is_in([float(answer) for answer in (*scale.top, *scale.bottom)]))
    often = rows.group_by("customer_id").agg(nw.len().alias("answers_in_all"))
    rows = rows.join(often.filter(nw.col("answers_in_all") > 1), on="customer_id", how="inner")
    table = collect(rows.select("customer_id", "responded_at", "score")).dropna()
    table = table.sort_values(["customer_id", "responded_at", "score"], ignore_index=True)
    happy = table["score"].isin(scale.top)
    same = table["customer_id"] == table["customer_id"].shift(-1)
    chosen = same & happy
    ends = table.shift(-1)[chosen]
    starts = table[chosen]
    days = (ends["responded_at"] - starts["responded_at"]).dt.total_seconds() / 86_400
    return pd.DataFrame(
        {
            "customer_id": starts["customer_id"].astype(str).to_numpy(),
            "start": starts["responded_at"].to_numpy(),
            "end": ends["responded_at"].to_numpy(),
            "days": days.to_numpy(float),
            "turned": ends["score"].isin(scale.bottom).to_numpy(),
        }
    )


def _left_out(too_short: int, too_long: int, most: float) -> list[str]:
    notes = []
    if too_long:
        notes.append(f"{too_long:,} stretches of more than {most:g} days left out")
    if too_short:
        notes.append(f"{too_short:,} stretches of less than a day left out")
    return notes


def _classes(stretches: pd.DataFrame) -> Stretches:
    """Strata by length and by quarter of the end."""
    days = stretches["days"]
    # Inner octiles of the stretches that turned; equal ones (a yearly survey) are one edge.
    edges = np.unique(np.quantile(days[stretches["turned"]], np.linspace(0, 1, _LENGTH_CLASSES + 1)[1:-1]))
    length = np.searchsorted(edges, days.to_numpy(float), side="right")
    end = pd.DatetimeIndex(stretches["end"])
    quarter = end.year.to_numpy() * 4 + end.quarter.to_numpy()
    # One number a pair: 4 x year + quarter stays far below 100,000.
    strata = pd.factorize(pd.Series(length * 100_000 + quarter))[0]
    return Stretches(
        exposure=days.to_numpy(float),
        first=stretches["turned"].to_numpy(bool),
        stratum=strata.astype(np.int64),
        cluster=pd.factorize(stretches["customer_id"])[0].astype(np.int64),
    )


def _count(stretches: pd.DataFrame, rows: pd.DataFrame) -> Floats:
    """Count what happened after the start and before the end of each stretch."""
    everybody = rows["customer_id"].isna()
    start = _minutes(stretches["start"])
    end = _minutes(stretches["end"])
    common = np.sort(_minutes(rows.loc[everybody, "at"]))
    # Events in the open interval (start, end) = number before end less number up to start.
    counts = np.searchsorted(common, end, side="left") - np.searchsorted(common, start, side="right")
    counts = np.maximum(counts, 0)
    single = rows[~everybody]
    names = pd.Index(stretches["customer_id"].unique())
    code = names.get_indexer(single["customer_id"].astype(str))
    at = _minutes(single["at"])[code >= 0]
    code = code[code >= 0].astype(np.int64)
    if len(at):
        # one sorted axis for all customers: each has a span of its own on it
        least = min(int(at.min()), int(start.min()))
        span = max(int(at.max()), int(end.max())) - least + 2
        axis = np.sort(code * span + (at - least))
        own = names.get_indexer(stretches["customer_id"]).astype(np.int64) * span
        upto = np.searchsorted(axis, own + (end - least), side="left")
        counts = counts + np.maximum(upto - np.searchsorted(axis, own + (start - least), side="right"), 0)
    happened: Floats = counts.astype(np.float64)
    return happened


def _minutes(moments: pd.Series) -> Ints:
    seconds = np.asarray(moments.astype("datetime64[s]").astype("int64"), dtype=np.int64)
    return seconds // 60


def _table(ratios: list[tuple[Any, RateRatio]], level: float) -> pd.DataFrame:
    from scipy.stats import norm

    rows = []
    judged = [ratio for _, ratio in ratios if _is_judged(ratio)]
    # the smallest p-value has to pass error / m (Holm): what a kind must show to be seen in 80 % of cases
    reach = float(norm.ppf(1 - (1 - level) / 2 / max(len(judged), 1))) + 0.8416
    adjusted = holm([ratio.p_value for ratio in judged]).tolist()
    for kind, ratio in ratios:
        row: dict[str, Any] = {"kind": str(kind), "events": ratio.events, "others": ratio.others}
        row.update(rate=_DAYS_A_RATE * ratio.rate, other_rate=_DAYS_A_RATE * ratio.other_rate)
        row.update(ratio=np.nan, low=np.nan, high=np.nan, p_value=np.nan, p_adjusted=np.nan)
        row.update(visible=np.nan, verdict="not judged")
        if _is_judged(ratio):
            row.update(ratio=ratio.ratio, low=ratio.low, high=ratio.high, p_value=ratio.p_value)
            row["p_adjusted"] = adjusted.pop(0)
            # Ratio seen in 80 % of cases: exp((z(1 - error / 2 m) + z(.8)) se of log ratio).
            row["visible"] = float(np.exp(reach * ratio.se_log))
            row["verdict"] = _verdict(ratio.ratio, row["p_adjusted"], level)
        rows.append(row)
    names = [name for column in KINDS.columns for name in (column.name, column.low, column.high) if name]
    table = pd.DataFrame(rows, columns=names)
    return table.sort_values(["p_adjusted", "p_value", "kind"], ignore_index=True)


def _is_judged(ratio: RateRatio) -> bool:
    return ratio.events + ratio.others >= 2 * _LEAST_EVENTS and np.isfinite(ratio.p_value)


def _verdict(ratio: float, p_value: float, level: float) -> str:
    if p_value > 1 - level + 1e-12:
        return "no difference seen"
    return "more often" if ratio > 1 else "less often"
