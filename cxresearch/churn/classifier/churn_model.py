"""A fitted churn model: what it was given, how it was split, what it may be asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from cxresearch.churn.churn_kinds import noun_for, words_for
from cxresearch.results.result import Result, as_plain
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_value
from cxresearch.scales import Scale

if TYPE_CHECKING:
    import pandas as pd

ModelKind = Literal["logistic", "boosting"]


@dataclass(frozen=True, kw_only=True)
class Split:
    """Which rows train and which are held out.

    Attributes
    ----------
    test_share : float
        Share of customers held out, chosen by a hash of their id, so that the same customer is always on the
        same side, in this data and in any other.
    seed : int
        Part of the hash.
    test_from : datetime or None
        Held-out landmarks start here; training landmarks end a horizon earlier, so that every training
        outcome was known by then. None: the rows have no dates, or too few; the split is by customer only.
    """

    test_share: float
    seed: int
    test_from: datetime | None

    def __str__(self) -> str:
        people = f"{self.test_share:.0%} of customers held out"
        if self.test_from is None:
            return f"{people}; no split by time (one landmark, or none with a horizon between them)"
        return f"{people}, tested on landmarks from {self.test_from:%Y-%m-%d}, trained a horizon earlier"


@dataclass(frozen=True, kw_only=True)
class Training:
    """What the model learnt from.

    Attributes
    ----------
    rows, customers, cases : int
        Training rows whose outcome is known, their customers, and how many of them left within the horizon.
    censored : int
        Training rows censored before the horizon: their weight went to rows like them (IPCW).
    risk : float
        Weighted share of cases.
    first, last : datetime or None
        Earliest and latest training landmark.
    """

    rows: int
    customers: int
    cases: int
    censored: int
    risk: float
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ChurnModel(Result):
    """A calibrated churn classifier; made by ``cx.fit_churn``.

    Attributes
    ----------
    model : {"logistic", "boosting"}
    horizon_days : float
        The risk is that of leaving within this many days of the landmark.
    kind : str
        What counts as leaving (``"any"``, ``"voluntary"``, ``"involuntary"``), or the outcome predicted
        instead.
    numbers, categories : tuple of str
        Columns the model reads. Missing numbers are known to the model as missing.
    instruments : Mapping of str to Scale
        Scales of the score columns; new data must come on the same ones.
    split : Split
    training : Training
    ranges : DataFrame
        Columns ``feature, low, q01, median, q99, high, missing`` of the training rows, for the drift check.
    levels : Mapping of str to tuple of str
        Categories seen in training.
    alarms : DataFrame
        Columns ``feature, rule, auc, detail``: features that look as if they knew the outcome.
    table : DataFrame
        Columns ``settings, log_loss, chosen``: inner cross-validation over customers.
    window_days : float
        Greatest age of an answer in the training rows.
    left_out : tuple of str
        Columns the caller left out.
    passed_over : tuple of str
        Features that told nothing in training: the same in every row, or known in hardly any.
    classifier : Pipeline
        Preparation and calibrated classifier of scikit-learn; rather use ``cx.classifier.churn_risk``.
    members : tuple
        Classifiers refitted on resampled customers, for the interval of a risk.
    member_scale : float
        Factor on their spread (below 1 where they were fitted on a sample of the rows).
    baselines : Mapping of str to Pipeline
        ``"tenure only"`` and one model for each score alone, fitted on the same training rows.
    seed : int
    name : str
        Name of the study.
    """

    # The kind of model, and the kind of churn.
    model: ModelKind
    horizon_days: float
    kind: str
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    instruments: Mapping[str, Scale]
    split: Split
    training: Training
    ranges: pd.DataFrame
    levels: Mapping[str, tuple[str, ...]]
    alarms: pd.DataFrame
    table: pd.DataFrame
    classifier: Any
    members: tuple[Any, ...]
    member_scale: float
    baselines: Mapping[str, Any]
    window_days: float = float("inf")
    left_out: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    seed: int = 0
    name: str = ""

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="Settings tried, by log loss over folds of customers",
            columns=(
                Column(name="settings", label="settings", meaning="of the classifier"),
                Column(name="log_loss", label="log loss", meaning="lower is better", unit=Unit.AUC),
                Column(name="chosen", label="chosen", meaning="whether they were taken"),
            ),
        ),
        "alarms": TableSpec(
            title="Features that look as if they knew the outcome",
            columns=(
                Column(name="feature", label="feature", meaning="the column"),
                Column(name="rule", label="alarm", meaning="the rule it broke"),
                Column(name="auc", label="AUC", meaning="of the column alone", unit=Unit.AUC),
                Column(name="detail", label="why", meaning="in words"),
            ),
        ),
    }

    @property
    def title(self) -> str:
        """What the model is called: a churn model, or a model of another outcome."""
        return f"{words_for(self.kind).noun.capitalize()} model"

    @property
    def finding(self) -> str:
        """What the model predicts, and from what it learnt."""
        what = f"{self.model.capitalize()} of {noun_for(self.kind)} within {self.horizon_days:g} days"
        return f"{what}. {self.trained_on}."

    @property
    def notes(self) -> tuple[str, ...]:
        """How rows were held out, and the alarms."""
        return (f"split: {self.split}", *(f"{row.feature}: {row.detail}" for row in self.alarms.itertuples()))

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns the model reads."""
        return self.numbers + self.categories

    @property
    def trained_on(self) -> str:
        """What it learnt from, in words."""
        training = self.training
        risk = format_value(training.risk, Unit.SHARE)
        return (
            f"Trained on {training.rows:,} rows of {training.customers:,} customers, {training.cases:,} "
            f"{words_for(self.kind).happened} ({risk})"
        )

    def __str__(self) -> str:
        lines = [
            f"{self.title} ({self.model}): {noun_for(self.kind)} within {self.horizon_days:g} days",
            f"  {self.trained_on}",
            f"  Reads {len(self.numbers)} numbers and {len(self.categories)} categories",
            f"  Split: {self.split}",
        ]
        lines += [f"  Alarm: {row.feature}: {row.detail}" for row in self.alarms.itertuples()]
        return "\n".join(lines)

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the fitted objects, as plain values."""
        fitted = {"classifier", "members", "baselines", "instruments"}
        names = [item.name for item in dataclasses.fields(self) if item.name not in fitted]
        plain = {name: as_plain(getattr(self, name)) for name in names}
        return plain | {"instruments": {key: as_plain(scale) for key, scale in self.instruments.items()}}
