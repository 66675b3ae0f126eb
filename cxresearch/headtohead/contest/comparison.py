"""A contest between scores: how well each tells who will leave, and what may be concluded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from cxresearch.data.landmarks.landmark_outcomes import LandmarkOutcome, outcome_named
from cxresearch.errors import ArgumentError
from cxresearch.headtohead.contest.contest_metrics import METRIC_LABELS
from cxresearch.results.contrast import Contrast
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_interval, format_p_value, format_value

if TYPE_CHECKING:
    import pandas as pd


#: Readings that travel with an AUC wherever it is told.
_ALARMING = {reading: reading for reading in ("runs backwards", "suspiciously good")}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Comparison(Result):
    """What :func:`cxresearch.compare` found.

    Attributes
    ----------
    finding : str
        The answer about the primary pair in one sentence that needs no statistics.
    verdict : str
        ``"CES better"``, ``"NPS better"``, ``"equivalent"`` or ``"inconclusive: you would need N rows"``;
        ``"no contest: CES knows who left"`` where a score was measured on the way out.
    primary : tuple of str
        The pair of scores that decides: the one named beforehand, else the first two contestants as listed;
        ``settings["primary_named"]`` tells which, and ``notes`` says so.
    horizon_days : float
        Horizon of the primary contrast.
    table : DataFrame
        One row for each score and horizon: ``score, label, horizon_days, auc, low, high, low_joint,
        high_joint, se, p_chance, n, customers, cases, controls, levels, tie_share, reading``. ``low`` and
        ``high`` hold for one score; the joint ones hold for all rows together. ``tie_share`` is the share of
        case-control pairs that the score cannot tell apart; ``reading`` is ``"predicts"``, ``"no better than
        chance"``, ``"runs backwards"`` or ``"suspiciously good"``.
    contrasts : DataFrame
        One row for each pair and horizon: ``first, second, first_label, second_label, horizon_days,
        difference, low, high, low_joint, high_joint, se, statistic, p_value, p_adjusted, p_equivalence,
        p_equivalence_adjusted, verdict, rows_to_decide, finding, primary``. ``difference`` is AUC of first
        minus AUC of second. The primary contrast is judged by its own p-value, the others by Holm's over
        them, which is what the adjusted columns hold.
    metrics : DataFrame
        What else was measured: ``metric, score, label, horizon_days, value, low, high, se``.
    metric_contrasts : DataFrame
        Its paired differences: ``metric, first, second, horizon_days, difference, low, high, se, p_value,
        p_equivalence``; the last one for AUCs only, whose margin it is.
    calibration : DataFrame
        Churn by answer at the primary horizon: ``score, label, horizon_days, answer, n, share, predicted,
        observed, low, high, se``.
    decision : DataFrame
        Net benefit at the primary horizon: ``label, horizon_days, threshold, net_benefit``.
    roc : DataFrame
        ``score, label, horizon_days, threshold, false_positive_rate, true_positive_rate``.
    lift : DataFrame
        ``score, label, horizon_days, depth, captured``: leavers found among the riskiest share of customers.
    left_out : DataFrame
        ``reason, rows, customers``.
    notes : tuple of str
        What the reader must know: a score that runs backwards, a suspicion of leakage, few leavers.
    level, margin : float
        Confidence level; largest difference of AUC that counts as none.
    n, n_customers, n_cases : int
        Rows compared, their customers, leavers within the primary horizon.
    form : str
        Form in which scores entered.
    settings : Mapping
        Every setting of the call, for the record.
    protocol_sha256 : str
        Hash of the protocol the contest followed; empty without one.
    deviations : tuple of str
        Where the protocol was changed after the first look, or the rows were not made as planned.
    outcome : str
        What is predicted: ``"churn"``, or another outcome of the landmarks.

    Examples
    --------
    >>> import cxresearch as cx
    >>> marks = cx.synthetic.synthetic_landmarks(seed=1, customers=5_000, scenario="base")
    >>> found = cx.compare(marks, ["ces", "nps", "csat"])
    >>> found.auc("nps")
    AUC of NPS 0.628 [0.602, 0.654], n 5,000
    """

    finding: str
    verdict: str
    primary: tuple[str, str]
    horizon_days: float
    table: pd.DataFrame
    contrasts: pd.DataFrame
    metrics: pd.DataFrame
    metric_contrasts: pd.DataFrame
    calibration: pd.DataFrame
    decision: pd.DataFrame
    roc: pd.DataFrame
    lift: pd.DataFrame
    left_out: pd.DataFrame
    notes: tuple[str, ...]
    level: float
    margin: float
    n: int
    n_customers: int
    n_cases: int
    form: str = "raw"
    settings: Mapping[str, Any] = field(default_factory=dict)
    protocol_sha256: str = ""
    deviations: tuple[str, ...] = ()
    outcome: str = "churn"
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="AUC of each score with {level} intervals",
            columns=(
                Column(name="label", label="score", meaning="the score"),
                Column(name="horizon_days", label="days", meaning="horizon", unit=Unit.NUMBER),
                Column(
                    name="auc", label="AUC", meaning="AUC for churn", unit=Unit.AUC, low="low", high="high"
                ),
                Column(name="n", label="rows", meaning="rows compared"),
                Column(name="cases", label="leavers", meaning="rows that left within the horizon"),
                Column(name="controls", label="stayers", meaning="rows followed past the horizon"),
                Column(name="tie_share", label="ties", meaning="pairs it cannot tell apart", unit=Unit.SHARE),
                Column(name="reading", label="reading", meaning="what the AUC says of the score"),
            ),
        ),
        "contrasts": TableSpec(
            title="Differences of AUC with {level} intervals; margin of equivalence {margin:g}",
            columns=(
                Column(name="first_label", label="first", meaning="one score"),
                Column(name="second_label", label="second", meaning="the other"),
                Column(name="horizon_days", label="days", meaning="horizon", unit=Unit.NUMBER),
                Column(
                    name="difference",
                    label="difference",
                    meaning="AUC of first minus AUC of second",
                    unit=Unit.AUC_DIFFERENCE,
                    low="low",
                    high="high",
                ),
                Column(name="p_value", label="p, no difference", meaning="two-sided", unit=Unit.P_VALUE),
                Column(
                    name="p_adjusted",
                    label="p, corrected (Holm)",
                    meaning="the same, corrected over the pairs that are not primary",
                    unit=Unit.P_VALUE,
                ),
                Column(
                    name="p_equivalence",
                    label="p, not equivalent",
                    meaning="two one-sided tests against the margin",
                    unit=Unit.P_VALUE,
                ),
                Column(name="verdict", label="verdict", meaning="what may be concluded"),
            ),
        ),
        "metrics": TableSpec(
            title="Other metrics at {horizon_days:g} days, with {level} intervals",
            columns=(
                Column(name="metric", label="figure", meaning="what was measured", words=METRIC_LABELS),
                Column(name="label", label="score", meaning="the score"),
                Column(name="horizon_days", label="days", meaning="horizon", unit=Unit.NUMBER),
                Column(
                    name="value", label="value", meaning="estimate", unit=Unit.AUC, low="low", high="high"
                ),
            ),
        ),
    }

    def spec(self, name: str = "table") -> TableSpec:
        """Return the columns of one of its frames; the horizon stands in it where there are several."""
        spec = super().spec(name)
        if name == "table" and self.outcome != "churn":
            # Short headings: the sentence, the notes and the pictures say what was predicted.
            spec = spec.relabel(cases="with it", controls="without").change(
                "auc", meaning=f"AUC for {self.followed.noun}"
            )
            spec = spec.change("cases", meaning=f"{self.followed.cases} within the horizon")
        if self.table["horizon_days"].nunique() > 1:
            return spec
        return spec.without("horizon_days")

    @property
    def followed(self) -> LandmarkOutcome:
        """What is predicted, in words."""
        return outcome_named(self.outcome)

    def auc(self, score: str, *, horizon_days: float | None = None) -> Estimate:
        """Return the AUC of one score; by default at the primary horizon.

        Raises
        ------
        ArgumentError
            If the score or the horizon was not compared.
        """
        row = self._row(self.table, "score", {"score": score}, horizon_days)
        return Estimate(
            name=f"AUC of {row['label']}",
            value=row["auc"],
            low=row["low"],
            high=row["high"],
            level=self.level,
            se=row["se"],
            n=int(row["n"]),
            unit=Unit.AUC,
            method="IPCW AUC, influence function summed by customer",
            note=_ALARMING.get(row["reading"], ""),
        )

    def contrast(self, first: str, second: str, *, horizon_days: float | None = None) -> Contrast:
        """Return the difference of two AUCs, first minus second.

        Raises
        ------
        ArgumentError
            If the pair or the horizon was not compared.
        """
        compared = set(zip(self.contrasts["first"], self.contrasts["second"], strict=True))
        sign, pair = 1, {"first": first, "second": second}
        if (first, second) not in compared:
            sign, pair = -1, {"first": second, "second": first}
        row = self._row(self.contrasts, "pair", pair, horizon_days)
        labels = [row["first_label"], row["second_label"]][::sign]
        # Swapping the sides turns the interval round: -[low, high] = [-high, -low].
        ends = sorted((sign * row["low"], sign * row["high"]))
        others = len(self.contrasts) - 1
        adjustment = f"Holm over {others}"
        if row["primary"] or others < 2:
            adjustment = "none"
        return Contrast(
            name="AUC",
            first=labels[0],
            second=labels[1],
            difference=sign * row["difference"],
            low=ends[0],
            high=ends[1],
            level=self.level,
            se=row["se"],
            statistic=sign * row["statistic"],
            p_value=row["p_value"],
            p_adjusted=row["p_adjusted"],
            adjustment=adjustment,
            n=self.n,
            unit=Unit.AUC,
            test="z test, influence functions summed by customer",
            method="Wald",
            note=row["verdict"],
        )

    def _row(
        self, table: pd.DataFrame, what: str, wanted: Mapping[str, str], horizon_days: float | None
    ) -> dict[str, Any]:
        horizon = self.horizon_days if horizon_days is None else float(horizon_days)
        rows = table[table["horizon_days"] == horizon]
        for column, value in wanted.items():
            rows = rows[rows[column] == value]
        if rows.empty:
            scores = ", ".join(self.table["score"].unique())
            horizons = ", ".join(f"{value:g}" for value in self.table["horizon_days"].unique())
            raise ArgumentError(
                f"{what} {' and '.join(wanted.values())} at {horizon:g} days was not compared",
                wanted=f"scores {scores}; horizons {horizons} days",
            )
        return {str(key): value for key, value in rows.iloc[0].items()}

    def __str__(self) -> str:
        lines = [self.finding, ""]
        lines += [
            f"  AUC of {row['label']} at {row['horizon_days']:g} days: "
            f"{format_value(row['auc'], Unit.AUC)} {format_interval(row['low'], row['high'], Unit.AUC)}"
            for row in self.table.to_dict("records")
        ]
        for row in self.contrasts.to_dict("records"):
            interval = format_interval(row["low"], row["high"], Unit.AUC, signed=True)
            lines.append(
                f"  {row['first_label']} minus {row['second_label']} at {row['horizon_days']:g} days: "
                f"{format_value(row['difference'], Unit.AUC, signed=True)} {interval}, "
                f"{format_p_value(row['p_value'])}: {row['verdict']}"
            )
        lines.append(
            f"  {self.n:,} rows of {self.n_customers:,} customers, {self.n_cases:,} {self.followed.cases}"
        )
        if self.protocol_sha256:
            outcome = "kept"
            if self.deviations:
                outcome = "deviations:"
            lines.append(f"  Protocol {self.protocol_sha256[:12]}, {outcome}")
        lines += [f"  Deviation: {text}" for text in self.deviations]
        lines += [f"  Caution: {text}" for text in self.notes]
        return "\n".join(lines)

    __repr__ = __str__
