"""Every metric of a study by group and period, what moved, and whether that is noise."""

from __future__ import annotations

import html
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import pandas as pd

from cxresearch.metrics.base.group_columns import neutral_frame, with_users_names
from cxresearch.metrics.base.metric import Query
from cxresearch.results.estimate import Estimate
from cxresearch.results.hiding import why_hidden
from cxresearch.results.period_names import label_before, period_label
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import (
    MINUS,
    Unit,
    format_estimate,
    format_interval,
    format_p_value,
    format_value,
)


@dataclass(frozen=True, kw_only=True)
class Scorecard(Result):
    """All metrics at a glance and in detail.

    Attributes
    ----------
    name : str
        Name of the study.
    by : tuple of str
        Group columns, crossed.
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
        each: the columns of `metric_contrasts` with p-values corrected (over all metrics for the whole, over
        the groups of a metric below), and verdict: "up", "down", "within noise", "not judged" (a side has no
        interval, so that nobody can say) or "not shown" (a side is hidden). Empty without ``every``.
    rest : DataFrame
        Each group against all others in the judged period, likewise with verdict "above", "below", "within
        noise", "not judged" or "not shown". Empty without groups.
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
        "rest": TableSpec(
            title="each group against all others, {level} intervals",
            columns=(
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
                    meaning="over the groups of a metric",
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
        return spec.relabel(interval=self.fill("{level} interval")) if name == "glance" else spec

    def judged(self, metric: str) -> datetime | None:
        """Return the period judged for one metric: ``period``, or the last before it with a base.

        Some metrics lag: who joined last month has not had 30 days yet. None without periods.
        """
        rows = self.overall[(self.overall["metric"] == metric) & (self.overall["n"] > 0)]
        if not self.every or self.period is None:
            return None
        found = rows.loc[rows["period"] <= self.period, "period"]
        return found.max() if len(found) else None

    def _label(self, metric: str) -> str:
        """Label, with the period where it is an earlier one than that of the scorecard."""
        at = self.judged(metric)
        if at is None or at == self.period:
            return self.labels[metric]
        return f"{self.labels[metric]} ({period_label(at, self.every)})"

    def _note(self, row: dict[Hashable, Any]) -> str:
        late = (
            ""
            if row.get("period") in (None, self.period)
            else f"in {period_label(row['period'], self.every)}"
        )
        return "; ".join(filter(None, (late, "small base" if row["small_base"] else "")))

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
        (else NaN and empty).
        """
        rows = self._of_judged(self.overall[self.overall["n"] > 0])
        rows = rows.set_index("metric").reindex(list(self.labels)).dropna(subset=["n"]).reset_index()
        rows = rows.astype({"n": "int64", "small_base": bool, "suppressed": bool})
        rows.insert(1, "label", rows["metric"].map(self.labels))
        if self.every:
            late = [
                f" ({period_label(at, self.every)})" if at != self.period else "" for at in rows["period"]
            ]
            rows["label"] += late
        change = self.changes
        if len(change):
            change = change[change["whole"].astype(bool)]
        wanted = {"difference": "change", "low": "change_low", "high": "change_high", "unit": "change_unit"}
        columns = ["metric", "difference", "low", "high", "unit", "against", "p_adjusted", "verdict"]
        change = change.reindex(columns=columns).rename(columns=wanted)
        kept = ["value", "low", "high", "n", "n_effective", "unit", "small_base", "suppressed"]
        head = ["metric", "label", *(["period"] if self.every else []), *kept]
        found = rows[head].merge(change, on="metric", how="left")
        return found.assign(verdict=found["verdict"].astype("object").fillna(""))

    @property
    def glance(self) -> pd.DataFrame:
        """The first page as text, one row a metric: metric, value, interval, n, change, reading."""
        rows = [self._glance(row) for row in self.latest.to_dict("records")]
        return pd.DataFrame(rows, columns=["metric", "value", "interval", "n", "change", "reading"])

    def _glance(self, row: dict[Hashable, Any]) -> tuple[str, ...]:
        """Cells of one line of the first page; the period compared with is named where it is not adjacent."""
        *cells, change, reading = _parts(row)
        return (*cells, change + self._since(row) if change else "", reading)

    @property
    def groups(self) -> pd.DataFrame:
        """The judged period by group as text: metric, group columns, value, interval, n, missing, note."""
        rows = self._of_judged(self.table)
        lines = []
        for row in rows.drop(columns=list(self.by)).to_dict("records"):
            label = self._label(row["metric"])
            _, value, interval, n, _, reading = _parts(row | {"label": label, "verdict": ""})
            note = reading or ("few answers" if row["small_base"] else "")
            lines.append((label, value, interval, n, f"{row['n_missing']:,}", note))
        text = pd.DataFrame(lines, columns=["metric", "value", "interval", "n", "missing", "note"])
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
                n_effective=None if pd.isna(row["n_effective"]) else row["n_effective"],
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
        if not self.every or self.period is None:
            return f"{len(self.labels)} metrics over the whole time."
        rows = self.latest
        when = period_label(self.period, self.every)
        open_questions = self._not_judged(rows, when)
        judged = rows[rows["verdict"] != ""]
        if not len(judged):
            return f"{when}: there is no earlier {self.every} to compare with.{open_questions}"
        moved = [self._movement(row) for row in judged.to_dict("records") if row["verdict"] in ("up", "down")]
        calm = judged[judged["verdict"] == "within noise"]
        if moved:
            others = "" if not len(calm) else f" The other {len(calm)} stayed within noise."
            if len(calm) == 1:
                others = f" {calm['label'].iloc[0]} stayed within noise."
            return f"{when}: {'; '.join(moved)}.{others}{open_questions}"
        if not len(calm):
            return f"{when}: no change can be judged.{open_questions}"
        since = self._since_when(calm)
        if len(calm) == 1:
            return f"{when}: {calm['label'].iloc[0]} did not move beyond noise since {since}.{open_questions}"
        return f"{when}: none of {len(calm)} metrics moved beyond noise since {since}.{open_questions}"

    def _not_judged(self, rows: pd.DataFrame, when: str) -> str:
        """Say of which metrics nobody can tell whether they moved, and why."""
        stale = (rows["verdict"] == "") & (rows["period"] != self.period)
        said = ""
        for chosen, why in (
            (rows["verdict"] == "not judged", "cannot be judged: without an interval on both sides"),
            (rows["verdict"] == "not shown", "cannot be shown: too few on a side"),
            (stale, f"cannot be judged: nothing in {when}"),
        ):
            names = list(rows.loc[chosen, "label"])
            if names:
                more = f" and {len(names) - 4} more" if len(names) > 4 else ""
                said += f" {', '.join(names[:4])}{more} {why}."
        return said

    def _since_when(self, rows: pd.DataFrame) -> str:
        """Name the period that changes are measured from: the one before, or else by its date."""
        others = {self._since(row) for row in rows.to_dict("records")}
        before = f"the {self.every} before"
        if others == {""}:
            return before
        return others.pop().removeprefix(" since ") if len(others) == 1 else f"{before} that has data"

    def _since(self, row: dict[Hashable, Any]) -> str:
        """Name the period a change is measured from where it is not the one right before."""
        against = row.get("against")
        if not self.every or pd.isna(against) or against == label_before(row["period"], self.every):
            return ""
        return f" since {against}"

    @property
    def groups_finding(self) -> str:
        """Which groups moved and which are unlike the rest, beyond noise; empty without groups."""
        if not self.by:
            return ""
        by = f"By {', '.join(self.by)}, "
        parts = []
        if len(self.changes):
            groups = self.changes[~self.changes["whole"].astype(bool)]
            moved = self._differences(groups, ("up", "down"))
            said = f"moved: {moved}" if moved else "no group moved beyond noise"
            parts.append(f"{by}{said}{_unknown(groups)}.")
        if len(self.rest):
            apart = self._differences(self.rest, ("above", "below"))
            said = f"unlike the others together: {apart}" if apart else "no group is unlike the others"
            parts.append(f"{by}{said}{_unknown(self.rest)}.")
        return " ".join(parts)

    def _differences(self, table: pd.DataFrame, verdicts: tuple[str, str], *, most: int = 4) -> str:
        """Name the groups with their differences and intervals, the surest first."""
        found = table[table["verdict"].isin(verdicts)].sort_values("p_adjusted", kind="stable")
        texts = []
        for row in found.head(most).to_dict("records"):
            value, low, high = (float(row[name]) for name in ("difference", "low", "high"))
            figure = format_estimate(value, low, high, Unit(row["unit"]), signed=True)
            since = self._since(row) if verdicts[0] == "up" else ""
            texts.append(f"{row['group']}, {self._label(row['metric'])} {figure}{since}")
        more = f"; and {len(found) - most} more" if len(found) > most else ""
        return "; ".join(texts) + more

    def _movement(self, row: dict[Hashable, Any]) -> str:
        rose = row["verdict"] == "up"
        better = {"high": rose, "low": not rose}.get(self.good[row["metric"]])
        judgement = "" if better is None else (" (better)" if better else " (worse)")
        by = _parts(row)[4].lstrip("+" + MINUS)
        return f"{row['label']} {'rose' if rose else 'fell'} by {by}{self._since(row)}{judgement}"

    def __str__(self) -> str:
        rows = self.latest.to_dict("records")
        lines = [f"{self._title()}. {self.finding}", *(_line(row, self._since(row)) for row in rows)]
        groups = self.changes[~self.changes["whole"].astype(bool)]
        moved = self._moved(groups, ("up", "down"))
        if self.by and len(self.changes):
            lines.append(f"Groups that moved: {moved or 'none beyond noise'}{_unknown(groups)}.")
        if len(self.rest):
            apart = self._moved(self.rest, ("above", "below"))
            lines.append(f"Groups unlike the rest: {apart or 'none beyond noise'}{_unknown(self.rest)}.")
        return "\n".join([*lines, *(f"Note: {note}." for note in self.notes)])

    __repr__ = __str__

    def _title(self) -> str:
        title = f"Scorecard {self.name}".rstrip()
        title += f" by {', '.join(self.by)}" if self.by else ""
        return title + (f", every {self.every}" if self.every else "")

    def _moved(self, table: pd.DataFrame, verdicts: tuple[str, str]) -> str:
        if not len(table):
            return ""
        found = table[table["verdict"].isin(verdicts)]
        texts = [
            f"{row['group']} {self._label(row['metric'])} "
            f"{format_value(row['difference'], Unit(row['unit']), signed=True)}"
            f"{self._since(row) if verdicts[0] == 'up' else ''}"
            for row in found.to_dict("records")[:8]
        ]
        more = f" and {len(found) - 8} more" if len(found) > 8 else ""
        return "; ".join(texts) + more

    def _repr_html_(self) -> str:
        rows = "".join(_row(self._glance(row)) for row in self.latest.to_dict("records"))
        notes = "".join(f"<p>{html.escape(note)}.</p>" for note in self.notes)
        head = (
            "<tr><th>Metric</th><th>Value</th><th>Interval</th><th>n</th><th>Change</th><th>Reading</th></tr>"
        )
        title = html.escape(self._title())
        return f"<div class='cx-result'><p><b>{title}</b></p><table>{head}{rows}</table>{notes}</div>"


def _unknown(table: pd.DataFrame) -> str:
    """Say how many comparisons nobody can judge, and how many are hidden; nothing where there is none."""
    counts = [
        (int((table["verdict"] == verdict).sum()), words)
        for verdict, words in (("not judged", "cannot be judged"), ("not shown", "hidden"))
    ]
    said = ", ".join(f"{n} {words}" for n, words in counts if n)
    return f" ({said})" if said else ""


def _parts(row: dict[Hashable, Any]) -> tuple[str, str, str, str, str, str]:
    unit = Unit(row["unit"])
    if row["suppressed"]:
        reason = why_hidden(int(row["n"]), row["n_effective"])
        return row["label"], "hidden", "", f"{int(row['n']):,}", "", reason
    change, reading = "", str(row["verdict"])
    if row["verdict"]:
        kind = Unit(row["change_unit"])
        change = format_estimate(row["change"], row["change_low"], row["change_high"], kind, signed=True)
        if pd.notna(row["p_adjusted"]):
            reading += f" ({format_p_value(row['p_adjusted'])})"
    value = format_value(row["value"], unit)
    known = pd.notna(row["low"]) or pd.notna(row["high"])
    interval = format_interval(row["low"], row["high"], unit, value=row["value"]) if known else "n/a"
    return row["label"], value, interval, f"{int(row['n']):,}", change, reading


def _line(row: dict[Hashable, Any], since: str = "") -> str:
    label, value, interval, n, change, reading = _parts(row)
    text = f"{label} {value} {interval}".rstrip() + f", n {n}"
    if change:
        text += f"; {reading.split(' (')[0]}: {change}{since}"
    return text + (" (small base)" if row["small_base"] and not row["suppressed"] else "")


def _row(parts: tuple[str, ...]) -> str:
    cells = "".join(f"<td>{html.escape(part)}</td>" for part in parts)
    return f"<tr>{cells}</tr>"
