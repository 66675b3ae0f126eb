"""How well a churn model does on rows it has never seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from cxresearch.churn.churn_kinds import words_for
from cxresearch.results.contrast import Contrast
from cxresearch.results.estimate import Estimate
from cxresearch.results.result import Result, as_plain
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_interval, format_value

if TYPE_CHECKING:
    import pandas as pd

#: Units of the metrics of an evaluation.
METRIC_UNITS = {
    "auc": Unit.AUC,
    "average_precision": Unit.AUC,
    "brier": Unit.AUC,
    "calibration_intercept": Unit.RATIO,
    "calibration_slope": Unit.RATIO,
    "lift_top_decile": Unit.RATIO,
}


#: A mean risk off by less than this factor is near enough, however sure the difference.
MATERIAL_RATIO = 1.25
#: With fewer leavers among the held-out rows the finding says so.
FEW_CASES = 30

METRIC_LABELS = {
    "auc": "AUC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "calibration_intercept": "calibration intercept",
    "calibration_slope": "calibration slope",
    "lift_top_decile": "lift in the riskiest tenth",
}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ChurnEvaluation(Result):
    """A churn model on held-out customers and later landmarks.

    Attributes
    ----------
    model, kind : str
        Kind of model, and of churn.
    horizon_days : float
    n, customers, cases : int
        Held-out rows with a known outcome, their customers, and how many left within the horizon.
    censored : int
        Held-out rows censored before the horizon.
    risk, predicted : float
        Weighted share that left, and the mean of the predicted risks.
    table : DataFrame
        Columns ``contestant, metric, value, low, high``: the model ("model"), "prevalence" (the same risk for
        everybody), "tenure only" and each score alone, all fitted on the same training rows and judged on the
        same held-out rows. ``metric`` is ``auc``, ``average_precision``, ``brier``, ``lift_top_decile``, and
        for the model ``calibration_intercept`` (0 is right) and ``calibration_slope`` (1 is right).
    contrasts : tuple of Contrast
        AUC of the model minus that of each baseline, paired on the same rows.
    calibration : DataFrame
        Columns ``predicted, observed, low, high, n`` by tenth of the predicted risk.
    gains : DataFrame
        Columns ``share, captured, captured_low, captured_high, lift, lift_low, lift_high``: contacting this
        share of the customers, riskiest first, reaches this share of those who leave.
    by_segment : DataFrame
        Columns ``segment, value, n, cases, observed, predicted, auc, auc_low, auc_high, brier, flagged,
        hit_rate, false_alarm_rate``. Flagged are the riskiest tenth of all held-out rows. Where a group has
        fewer than 30 rows or 5 on a side, the rates are NaN.
    drift : DataFrame
        Columns ``landmark_at, n, cases, observed, predicted, auc, auc_low, auc_high, brier``.
    level : float
    split, name, method : str
    """

    model: str
    kind: str
    horizon_days: float
    n: int
    customers: int
    cases: int
    censored: int
    risk: float
    predicted: float
    table: pd.DataFrame
    contrasts: tuple[Contrast, ...]
    calibration: pd.DataFrame
    gains: pd.DataFrame
    by_segment: pd.DataFrame
    drift: pd.DataFrame
    level: float
    split: str
    name: str = ""
    method: str = (
        "AUC and Brier score with censoring weights, intervals from influence functions by customer; average "
        "precision, gains and lift by a Poisson bootstrap over customers"
    )
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="The model against simple rules on {n:,} held-out rows, with {level} intervals",
            columns=(
                Column(name="contestant", label="rule", meaning="the model, or a simple rule"),
                Column(name="metric", label="metric", meaning="what is measured", words=METRIC_LABELS),
                Column(
                    name="value", label="value", meaning="estimate", unit=Unit.AUC, low="low", high="high"
                ),
            ),
        ),
        "by_segment": TableSpec(
            title="By group; flagged is the share of the group that is among the riskiest tenth of all",
            columns=(
                Column(name="segment", label="column", meaning="the group column"),
                Column(name="value", label="group", meaning="the group"),
                Column(name="n", label="rows", meaning="held-out rows"),
                Column(name="cases", label="left", meaning="rows that left within the horizon"),
                Column(name="observed", label="share that left", meaning="observed", unit=Unit.SHARE),
                Column(name="predicted", label="predicted", meaning="mean predicted risk", unit=Unit.SHARE),
                Column(
                    name="auc",
                    label="AUC",
                    meaning="AUC within the rows",
                    unit=Unit.AUC,
                    low="auc_low",
                    high="auc_high",
                ),
                Column(
                    name="flagged", label="flagged", meaning="share in the riskiest tenth", unit=Unit.SHARE
                ),
            ),
        ),
        "drift": TableSpec(
            title=(
                "By the day on which customers were looked at; later days are further from what the model "
                "learnt"
            ),
            columns=(
                Column(name="landmark_at", label="day", meaning="the landmark"),
                Column(name="n", label="rows", meaning="held-out rows"),
                Column(name="cases", label="left", meaning="rows that left within the horizon"),
                Column(name="observed", label="share that left", meaning="observed", unit=Unit.SHARE),
                Column(name="predicted", label="predicted", meaning="mean predicted risk", unit=Unit.SHARE),
                Column(
                    name="auc",
                    label="AUC",
                    meaning="AUC within the rows",
                    unit=Unit.AUC,
                    low="auc_low",
                    high="auc_high",
                ),
            ),
        ),
    }

    def estimate(self, metric: str = "auc", contestant: str = "model") -> Estimate:
        """Return one metric of one contestant with its interval."""
        from cxresearch.errors import ArgumentError

        rows = self.table[(self.table["metric"] == metric) & (self.table["contestant"] == contestant)]
        if not len(rows):
            raise ArgumentError(
                f"there is no {metric!r} of {contestant!r}",
                wanted="a pair in .table, such as 'auc' of 'model'",
            )
        row = rows.iloc[0]
        return Estimate(
            name=f"{METRIC_LABELS[metric]} of {contestant}",
            value=float(row["value"]),
            low=float(row["low"]),
            high=float(row["high"]),
            level=self.level,
            se=float("nan"),
            n=self.n,
            unit=METRIC_UNITS[metric],
            method=self.method,
        )

    @property
    def better_than_chance(self) -> bool:
        """Whether the whole interval of the AUC lies above .5."""
        return self.estimate("auc").low > 0.5

    @property
    def best_baseline(self) -> Contrast | None:
        """The contrast against the baseline with the highest AUC."""
        return min(self.contrasts, key=lambda contrast: contrast.difference, default=None)

    @property
    def finding(self) -> str:
        """The verdict, whether its risks come true, and for whom the model does not rank."""
        return " ".join(part for part in (self.verdict, self.calibration_verdict, self.group_gap) if part)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the figures rest on."""
        if not self.censored:
            return (self.method,)
        censored = f"{self.censored:,} held-out rows are censored before the horizon; others stand for them"
        return (censored, self.method)

    @property
    def verdict(self) -> str:
        """What to take away, in a sentence or two."""
        auc = self.estimate("auc")
        text = f"AUC {format_value(auc.value, Unit.AUC)} {format_interval(auc.low, auc.high, Unit.AUC)}"
        if not self.better_than_chance:
            return f"No better than chance: {text}. Do not rank customers by this model."
        # One that knows everything was probably told.
        if auc.value >= 0.95:
            return (
                f"Suspiciously good: {text}. Look for a feature measured after the landmark before using it."
            )
        best = self.best_baseline
        ranks = "Better than chance"
        if not self.calibrated:
            ranks = "Ranks better than chance, but its risks are wrong"
        if best is None:
            return f"{ranks}: {text}."
        sure = "better than" if best.low > 0 else "not clearly better than"
        return f"{ranks}: {text}; {sure} {best.second}, the best simple rule."

    @property
    def calibrated(self) -> bool:
        """Whether the mean risk is that of those who left: by chance's measure, or by a quarter of it."""
        intercept = self.estimate("calibration_intercept")
        if not (intercept.low > 0 or intercept.high < 0):
            return True
        return 1 / MATERIAL_RATIO < self.predicted / self.risk < MATERIAL_RATIO

    @property
    def calibration_verdict(self) -> str:
        """Predicted beside observed, and on how many leavers all this rests."""
        predicted, observed = (format_value(share, Unit.SHARE) for share in (self.predicted, self.risk))
        judged = f"({self.cases:,} of {self.n:,} held-out rows)"
        text = f"Predicted {predicted} on average, observed {observed} {judged}"
        if not self.calibrated:
            way = "low" if self.risk > self.predicted else "high"
            return f"{text}: the risks themselves are too {way}, use the order alone."
        if self.cases < FEW_CASES:
            return f"{text}: too few who left to rely on the risks."
        return f"{text}."

    @property
    def group_gap(self) -> str:
        """Where the model ranks one group far better than another of the same column; empty where nowhere.

        The pair with the widest gap of AUC among those whose intervals do not overlap: a stricter rule than a
        test of the difference, for the pair was chosen by looking.
        """
        judged = self.by_segment.dropna(subset=["auc", "auc_low", "auc_high"])
        # Best and worst group of each column.
        pairs = [
            (rows.iloc[int(rows["auc"].argmax())], rows.iloc[int(rows["auc"].argmin())])
            for _, rows in judged.groupby("segment", sort=False)
        ]
        # Intervals that do not overlap: stricter than a test, for the pair was chosen by looking.
        separate = [(best, worst) for best, worst in pairs if best["auc_low"] > worst["auc_high"]]
        if not separate:
            return ""
        best, worst = max(separate, key=lambda pair: float(pair[0]["auc"] - pair[1]["auc"]))
        chance = ""
        if worst["auc_low"] <= 0.5:
            chance = ", where it is not shown to be better than chance"
        return (
            f"Not as good for everybody: AUC {_group_auc(best)} with {best['segment']} {best['value']}, "
            f"but {_group_auc(worst)} with {worst['segment']} {worst['value']}{chance}."
        )

    def __str__(self) -> str:
        words = words_for(self.kind)
        lines = [
            f"{words.noun.capitalize()} model on held-out rows: {self.n:,} rows of "
            f"{self.customers:,} customers, {self.cases:,} {words.happened} within "
            f"{self.horizon_days:g} days",
            f"  {self.verdict}",
        ]
        if self.group_gap:
            lines.append(f"  {self.group_gap}")
        for row in self.table.itertuples():
            unit = METRIC_UNITS[str(row.metric)]
            low, high, value = (float(getattr(row, part)) for part in ("low", "high", "value"))
            label = f"{row.contestant}, {METRIC_LABELS[str(row.metric)]}"
            lines.append(f"  {label}: {format_value(value, unit)} {format_interval(low, high, unit)}")
        return "\n".join(lines)

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """Return fields and verdict as plain values."""
        plain = {item.name: as_plain(getattr(self, item.name)) for item in dataclasses.fields(self)}
        verdicts = ("verdict", "calibration_verdict", "group_gap")
        return plain | {name: getattr(self, name) for name in verdicts}


def _group_auc(row: Any) -> str:
    return (
        format_estimate(float(row["auc"]), float(row["auc_low"]), float(row["auc_high"]), Unit.AUC)
        + f" (n {int(row['n']):,})"
    )


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class NestedEvaluation(Result):
    """What scores add to a model that has everything else.

    Attributes
    ----------
    table : DataFrame
        Columns ``features, auc, auc_low, auc_high, brier, brier_low, brier_high``: the same model without
        scores, with each score, with all.
    contrasts : tuple of Contrast
        AUC of each set minus that of the model without scores, on the same held-out rows.
    n, cases : int
    level : float
    model : str
    """

    table: pd.DataFrame
    contrasts: tuple[Contrast, ...]
    n: int
    cases: int
    level: float
    model: str
    caveat: str = (
        "How much better the scores let one predict, given everything else that is known; not what would "
        "happen if the scores were changed."
    )

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="The same model with and without scores on {n:,} held-out rows, with {level} intervals",
            columns=(
                Column(name="features", label="reads", meaning="what the model reads"),
                Column(
                    name="auc", label="AUC", meaning="estimate", unit=Unit.AUC, low="auc_low", high="auc_high"
                ),
                Column(
                    name="brier",
                    label="Brier score",
                    meaning="mean squared error of the risk",
                    unit=Unit.AUC,
                    low="brier_low",
                    high="brier_high",
                ),
            ),
        )
    }

    @property
    def finding(self) -> str:
        """What all scores together add, or the only one."""
        contrast = self.contrasts[-1]
        figure = format_estimate(contrast.difference, contrast.low, contrast.high, Unit.AUC, signed=True)
        if contrast.low > 0:
            return f"{contrast.first} the model ranks better than {contrast.second}: AUC {figure}."
        if contrast.high < 0:
            return f"{contrast.first} the model ranks worse than {contrast.second}: AUC {figure}."
        return f"That the model ranks better {contrast.first} cannot be shown: AUC {figure}."

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know."""
        return (self.caveat,)

    def __str__(self) -> str:
        lines = [f"What scores add to prediction ({self.model}, {self.n:,} held-out rows)"]
        lines += [f"  {contrast}" for contrast in self.contrasts]
        return "\n".join([*lines, f"  {self.caveat}"])

    __repr__ = __str__
