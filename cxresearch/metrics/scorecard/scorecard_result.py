"""Every metric of a study by group and period, what moved, and whether that is noise."""

from __future__ import annotations

import html
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

import pandas as pd

from cxresearch.metrics.base.group_columns import neutral_frame, with_users_names
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.scorecard import scorecard_words
from cxresearch.metrics.scorecard.target_readings import target_text
from cxresearch.results.estimate import Estimate
from cxresearch.results.period_names import period_label
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit


@dataclass(frozen=True, kw_only=True)
class Scorecard(Result):
    """All metrics at a glance and in detail.

    Attributes
    ----------
    name : str
        Name of the study.
    by : tuple of str
        Group columns, crossed.
    searched : tuple of str
        Further group columns, each searched on its own.
    every : str
        Period: ``"month"``; empty where the whole time is one.
    level : float
        Confidence level of all intervals.
    overall : DataFrame
        Each metric over all groups, by period: metric, period (with ``every``), value, low, high, level, se,
        n, n_effective, n_missing, unit, method, small_base, suppressed; see `metric_table`.
    table : DataFrame
        The same by group and period; equal to ``overall`` without groups.
    changes : DataFrame
        Judged period against the one before that has a base, over all groups (``whole`` is true) and for
        each: the columns of `metric_contrasts`, ``column`` (what the group is a value of), p-values corrected
        within a family, and verdict: "up", "down", "within noise", "shown" (a further measure, in no family),
        "not judged" (a side has no interval, or a group is small) or "not shown" (a side is hidden). Families
        over all customers are the scores, the response rates and all other figures; all groups, here and in
        ``rest``, are one. Empty without ``every``.
    rest : DataFrame
        Each group against all others in the judged period, likewise with verdict "above", "below", "within
        noise", "shown", "not judged" or "not shown". Empty without groups.
    year_ago : DataFrame
        Over all customers, the judged period against the same a year before, like ``changes``.
    targets : dict of str to float
        Declared targets of metrics that are shown.
    currency : str
        Of all amounts; empty where the study does not name it.
    events : DataFrame
        Declared events of the whole company: day, kind.
    labels : dict of str to str
        What a report prints for each metric.
    good : dict of str to str
        Which way is better for each metric: "high", "low" or "" (neither).
    period : datetime or None
        The period that is judged: the last that had ended when the data were cut (or the last there is, if
        none had). Later ones are in the tables only.
    notes : tuple of str
        What the reader must know: an unfinished period, metrics left out and why.
    """

    name: str
    by: tuple[str, ...]
    every: str
    level: float
    overall: pd.DataFrame
    table: pd.DataFrame
    changes: pd.DataFrame
    rest: pd.DataFrame
    labels: dict[str, str]
    good: dict[str, str]
    searched: tuple[str, ...] = ()
    year_ago: pd.DataFrame = field(default_factory=pd.DataFrame)
    targets: dict[str, float] = field(default_factory=dict)
    currency: str = ""
    events: pd.DataFrame = field(default_factory=pd.DataFrame)
    period: datetime | None = None
    notes: tuple[str, ...] = ()
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "glance": TableSpec(
            title=(
                "All figures of the period, changes against the {every} before unless another is named; "
                "{level} intervals"
            ),
            columns=(
                Column(name="metric", label="metric", meaning="the figure"),
                Column(name="value", label="value", meaning="estimate"),
                Column(name="interval", label="interval", meaning="its interval"),
                Column(name="n", label="n", meaning="answers, customers or tickets behind it"),
                Column(name="change", label="change", meaning="against the period before, with interval"),
                Column(name="reading", label="reading", meaning="up, down or within noise"),
            ),
        ),
        "longer": TableSpec(
            title="The last periods up to this one, a year ago, and targets; {level} intervals",
            columns=(
                Column(name="metric", label="metric", meaning="the figure"),
                Column(name="value", label="value", meaning="estimate"),
                Column(name="trend", label="last periods", meaning="up to 12, from lowest to highest"),
                Column(name="year_ago", label="against a year ago", meaning="change, with interval"),
                Column(name="reading", label="reading", meaning="up, down or within noise"),
                Column(name="target", label="target", meaning="declared value, and whether it was reached"),
            ),
        ),
        "rest": TableSpec(
            title="each group against all others, {level} intervals",
            columns=(
                Column(name="column", label="by", meaning="what the group is a value of"),
                Column(name="group", label="group", meaning="the group"),
                Column(name="value", label="value", meaning="of the group", unit_from="unit", side=True),
                Column(
                    name="value_against",
                    label="all others",
                    meaning="of the rest",
                    unit_from="unit",
                    side=True,
                ),
                Column(
                    name="difference",
                    label="difference",
                    meaning="group less rest",
                    unit_from="unit",
                    low="low",
                    high="high",
                ),
                Column(
                    name="p_adjusted",
                    label="p, corrected",
                    meaning="over all groups and metrics",
                    unit=Unit.P_VALUE,
                ),
                Column(name="n", label="answers", meaning="of the group"),
                Column(name="verdict", label="verdict", meaning="above, below or within noise"),
            ),
        ),
    }

    def spec(self, name: str = "table") -> TableSpec:
        """Return the columns of one of its frames, with the level in the heading of intervals."""
        spec = super().spec(name)
        if name == "glance":
            return spec.relabel(interval=self.fill("{level} interval"))
        if name == "longer":
            names = ["metric", "value", *self._longer_columns]
            return replace(spec, columns=tuple(column for column in spec.columns if column.name in names))
        return spec

    def judged(self, metric: str) -> datetime | None:
        """Return the period judged for one metric: ``period``, or the last before it with a base.

        Some metrics lag: who joined last month has not had 30 days yet. None without periods.
        """
        rows = self.overall[(self.overall["metric"] == metric) & (self.overall["n"] > 0)]
        # Later than the judged period nothing counts: it has not ended.
        if not self.every or self.period is None:
            return None
        # A metric that lags has no base in the card's period yet: its last one with a base stands in, named.
        periods = rows.loc[rows["period"] <= self.period, "period"]
        if not len(periods):
            return None
        last: datetime = periods.max()
        return last

    def label(self, metric: str) -> str:
        """Return the label, with the period where it is an earlier one than that of the scorecard."""
        at = self.judged(metric)
        if at is None or at == self.period:
            return self.labels[metric]
        return f"{self.labels[metric]} ({period_label(at, self.every)})"

    def _note(self, row: dict[Hashable, Any]) -> str:
        notes = []
        if row.get("period") not in (None, self.period):
            notes.append(f"in {period_label(row['period'], self.every)}")
        if row["small_base"]:
            notes.append("small base")
        if row["unit"] == Unit.MONEY:
            notes.append(f"{self.currency}, a count".removeprefix(", "))
        return "; ".join(notes)

    def _of_judged(self, table: pd.DataFrame) -> pd.DataFrame:
        if not self.every:
            return table
        return table[
            table["period"] == table["metric"].map({name: self.judged(name) for name in self.labels})
        ]

    @property
    def latest(self) -> pd.DataFrame:
        """The judged period of ``overall`` for each metric, with its change: one row a metric.

        A metric judged for an earlier period than the others says so in its label. Columns metric, label,
        period, value, low, high, n, n_effective, unit, small_base, suppressed, and, where there was a period
        before, change, change_low, change_high, change_unit, against (its name), p_adjusted and verdict
        (else NaN and empty). The change of MRR is a difference of two ledgers: verdict "counted".
        """
        # One row a metric, in the order of the report, also where its last period is an earlier one.
        rows = self._of_judged(self.overall[self.overall["n"] > 0])
        rows = rows.set_index("metric").reindex(list(self.labels)).dropna(subset=["n"]).reset_index()
        rows = rows.astype({"n": "int64", "small_base": bool, "suppressed": bool})
        rows.insert(1, "label", rows["metric"].map(self.labels))
        head = ["metric", "label"]
        if self.every:
            rows["label"] = [self.label(metric) for metric in rows["metric"]]
            head.append("period")
        # Groups have changes too; the first page is about all customers.
        change = self.changes
        if len(change):
            change = change[change["whole"].astype(bool)]
        wanted = {"difference": "change", "low": "change_low", "high": "change_high", "unit": "change_unit"}
        columns = ["metric", "difference", "low", "high", "unit", "against", "p_adjusted", "verdict"]
        change = change.reindex(columns=columns).rename(columns=wanted)
        head += ["value", "low", "high", "n", "n_effective", "unit", "small_base", "suppressed"]
        latest = rows[head].merge(change, on="metric", how="left")
        latest = latest.assign(verdict=latest["verdict"].astype("object").fillna(""))
        return self._with_amounts(latest)

    def _with_amounts(self, latest: pd.DataFrame) -> pd.DataFrame:
        """Return the lines with the change of amounts since the period before: no sample, so no interval."""
        for place, row in enumerate(latest.to_dict("records")):
            if row["unit"] != Unit.MONEY or row["verdict"] or row["suppressed"] or not self.every:
                continue
            values = self.overall[self.overall["metric"] == row["metric"]].set_index("period")
            # The period before that has a value, as for all other changes.
            before = values[(values.index < row["period"]) & values["value"].notna()].sort_index()
            if not len(before) or before["suppressed"].iloc[-1]:
                continue
            # Closing less closing: two states of one ledger.
            latest.loc[place, "change"] = row["value"] - before["value"].iloc[-1]
            latest.loc[place, "change_unit"] = str(Unit.MONEY)
            latest.loc[place, "against"] = period_label(before.index[-1], self.every)
            latest.loc[place, "verdict"] = "counted"
        return latest

    @property
    def glance(self) -> pd.DataFrame:
        """The first page as text, one row a metric: metric, value, interval, n, change, reading."""
        rows = [self._glance(row) for row in self.latest.to_dict("records")]
        return pd.DataFrame(rows, columns=["metric", "value", "interval", "n", "change", "reading"])

    def _glance(self, row: dict[Hashable, Any]) -> tuple[str, ...]:
        """Cells of one line of the first page; the period compared with is named where it is not adjacent."""
        texts = scorecard_words.cell_texts(row, self.currency)
        if texts.change:
            texts = texts._replace(change=texts.change + scorecard_words.since(row, self.every))
        return texts

    @property
    def longer(self) -> pd.DataFrame:
        """The longer view as text, one row a metric: metric, value, trend, year_ago, reading, target.

        The trend holds the last periods from the lowest to the highest; year_ago and reading are there where
        there was a year before, target where the study declares any.
        """
        rows = [self._longer(row) for row in self.latest.to_dict("records")]
        return pd.DataFrame(rows, columns=["metric", "value", *self._longer_columns])

    @property
    def _longer_columns(self) -> list[str]:
        names = []
        if self.every and self.overall["period"].nunique() > 2:
            names.append("trend")
        if len(self.year_ago):
            names += ["year_ago", "reading"]
        if self.targets:
            names.append("target")
        return names

    def _longer(self, row: dict[Hashable, Any]) -> list[str]:
        metric = row["metric"]
        texts = scorecard_words.cell_texts(row, self.currency)
        year_ago, reading = scorecard_words.year_ago_texts(self.year_ago, metric)
        cells = {
            "trend": scorecard_words.trend_text(self.recent(metric)),
            "year_ago": year_ago,
            "reading": reading,
            "target": target_text(row, self.targets.get(metric), self.good[metric]),
        }
        return [texts.label, texts.value, *(cells[name] for name in self._longer_columns)]

    def recent(self, metric: str, periods: int = 12) -> pd.DataFrame:
        """Return the last periods of a metric up to the judged one: period, value, low, high, suppressed."""
        at = self.judged(metric)
        rows = self.overall[self.overall["metric"] == metric]
        if at is None:
            return rows.head(0)
        rows = rows[rows["period"] <= at].sort_values("period").tail(periods)
        return rows[["period", "value", "low", "high", "suppressed"]].reset_index(drop=True)

    @property
    def groups(self) -> pd.DataFrame:
        """The judged period by group as text: metric, group columns, value, interval, n, missing, note."""
        rows = self._of_judged(self.table)
        lines = []
        for row in rows.drop(columns=list(self.by)).to_dict("records"):
            label = self.label(row["metric"])
            texts = scorecard_words.cell_texts(row | {"label": label, "verdict": ""}, self.currency)
            note = texts.reading
            if row["small_base"] and not note:
                note = "few answers"
            lines.append((label, texts.value, texts.interval, texts.n, f"{row['n_missing']:,}", note))
        text = pd.DataFrame(lines, columns=["metric", "value", "interval", "n", "missing", "note"])
        # A group column may be called "value" or "n": neutral names cannot collide with those of the texts.
        groups, query = neutral_frame(rows[list(self.by)].reset_index(drop=True), Query(by=self.by))
        return with_users_names(
            pd.concat([text[["metric"]], groups, text.drop(columns="metric")], axis=1), query
        )

    @property
    def estimates(self) -> dict[str, Estimate]:
        """The judged period's estimate of each metric that may be shown, over all groups, by name."""
        rows = self._of_judged(self.overall[~self.overall["suppressed"] & (self.overall["n"] > 0)])
        return {
            row["metric"]: Estimate(
                name=self.labels[row["metric"]],
                value=row["value"],
                low=row["low"],
                high=row["high"],
                level=row["level"],
                se=row["se"],
                n=int(row["n"]),
                n_effective=_known(row["n_effective"]),
                n_missing=int(row["n_missing"]),
                unit=Unit(row["unit"]),
                method=row["method"],
                note=self._note(row),
            )
            for row in rows.to_dict("records")
        }

    @property
    def finding(self) -> str:
        """What moved in the judged period, and what is noise, in a sentence or two."""
        return scorecard_words.finding(self)

    @property
    def groups_finding(self) -> str:
        """Which groups moved and which are unlike the rest, beyond noise; empty without groups."""
        return scorecard_words.groups_finding(self)

    def __str__(self) -> str:
        return scorecard_words.text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        spec = self.spec("glance")
        rows = "".join(_row(self._glance(row)) for row in self.latest.to_dict("records"))
        notes = "".join(f"<p>{html.escape(note)}.</p>" for note in self.notes)
        headings = "".join(f"<th>{html.escape(column.label)}</th>" for column in spec.columns)
        head = f"<tr>{headings}</tr>"
        title = html.escape(scorecard_words.title(self))
        return f"<div class='cx-result'><p><b>{title}</b></p><table>{head}{rows}</table>{notes}</div>"


def _known(number: float) -> float | None:
    """Return a number, or None for NaN."""
    if pd.isna(number):
        return None
    return number


def _row(parts: tuple[str, ...]) -> str:
    cells = "".join(f"<td>{html.escape(part)}</td>" for part in parts)
    return f"<tr>{cells}</tr>"
