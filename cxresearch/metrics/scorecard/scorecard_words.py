"""What a scorecard says in sentences: what moved, what is noise, and what nobody can judge."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from cxresearch.results.hiding import why_hidden
from cxresearch.results.period_names import label_before, period_label
from cxresearch.results.units import (
    MINUS,
    Unit,
    format_estimate,
    format_interval,
    format_p_value,
    format_value,
)

Row = Mapping[Hashable, Any]
#: So many metrics are named in a sentence, so many groups with figures, so many in the short text.
_METRICS_NAMED, _GROUPS_NAMED, _GROUPS_LISTED = 4, 4, 8
_BARS = "▁▂▃▄▅▆▇█"
#: Amounts from here on are written without cents.
_WHOLE_AMOUNTS = 1000


class CellTexts(NamedTuple):
    """One line of the first page."""

    label: str
    value: str
    interval: str
    n: str
    change: str
    reading: str


def cell_texts(row: Row, currency: str = "") -> CellTexts:
    """Return the cells of a row of `Scorecard.latest` as text; a hidden one says why, an amount in what."""
    unit, n = Unit(row["unit"]), f"{int(row['n']):,}"
    if row["suppressed"]:
        reason = why_hidden(int(row["n"]), row["n_effective"])
        return CellTexts(row["label"], "hidden", "", n, "", reason)
    interval = "n/a"
    if pd.notna(row["low"]) or pd.notna(row["high"]):
        interval = format_interval(row["low"], row["high"], unit, value=row["value"])
    value = format_value(row["value"], unit)
    if unit is Unit.MONEY:
        value = amount_text(row["value"], currency)
        interval = "a count"
    return CellTexts(row["label"], value, interval, n, change_text(row, currency), _reading(row))


def amount_text(value: float, currency: str, *, signed: bool = False) -> str:
    """Return an amount with its currency, without cents where it is large.

    Examples
    --------
    >>> amount_text(1753800.46, "EUR"), amount_text(-12.5, "", signed=True)
    ('1,753,800 EUR', '−12.50')
    """
    text = format_value(value, Unit.MONEY, signed=signed)
    if abs(value) >= _WHOLE_AMOUNTS:
        text = text.rsplit(".", 1)[0]
    return f"{text} {currency}".rstrip()


def year_ago_texts(table: pd.DataFrame, metric: str) -> tuple[str, str]:
    """Return the change against a year ago, and its reading; both empty where there was none."""
    if not len(table):
        return "", ""
    rows = table[table["metric"] == metric]
    if not len(rows):
        return "", ""
    row = rows.iloc[0]
    if row["suppressed"]:
        return "hidden", ""
    figure = format_estimate(row["difference"], row["low"], row["high"], Unit(row["unit"]), signed=True)
    return figure, _reading(row.to_dict())


def trend_text(recent: pd.DataFrame) -> str:
    """Return the last periods as bars from the lowest to the highest; a dot where nothing can be shown.

    Examples
    --------
    >>> trend_text(pd.DataFrame({"value": [10.0, 20.0, None, 30.0], "suppressed": False}))
    '▁▅·█'
    """
    values = recent["value"].where(~recent["suppressed"].astype(bool))
    if values.notna().sum() < 2:
        return ""
    low = values.min()
    span = values.max() - low
    # A flat line has no lowest: it stands in the middle.
    if not span:
        return "".join("·" if pd.isna(value) else _BARS[3] for value in values)
    # Level k of 8 for (value - lowest) / (highest - lowest).
    steps = len(_BARS) - 1
    return "".join("·" if pd.isna(value) else _BARS[round(steps * (value - low) / span)] for value in values)


def change_text(row: Row, currency: str = "") -> str:
    """Return the change since the period before with its interval; empty where there was none."""
    if not row["verdict"]:
        return ""
    unit = Unit(row["change_unit"])
    # Change over the value before, in per cent.
    if row["verdict"] == "counted":
        before = row["value"] - row["change"]
        text = amount_text(row["change"], currency, signed=True)
        if before > 0:
            text += f" ({100 * row['change'] / before:+.1f} %)".replace("-", MINUS)
        return text
    return format_estimate(row["change"], row["change_low"], row["change_high"], unit, signed=True)


def _reading(row: Row) -> str:
    verdict = str(row["verdict"])
    if verdict == "counted":
        return "a ledger: exact"
    if verdict == "shown":
        return "shown, not tested"
    if not verdict or pd.isna(row["p_adjusted"]):
        return verdict
    return f"{verdict} ({format_p_value(row['p_adjusted'])})"


def since(row: Row, every: str) -> str:
    """Name the period a change is measured from where it is not the one right before."""
    against = row.get("against")
    # A gap (a quarter without a survey) moves the comparison back: then the period is named.
    if not every or pd.isna(against) or against == label_before(row["period"], every):
        return ""
    return f" since {against}"


def finding(card: Any) -> str:
    """Say what moved in the judged period, and what is noise, in a sentence or two."""
    if not card.every or card.period is None:
        return f"{len(card.labels)} metrics over the whole time."
    rows = card.latest
    when = period_label(card.period, card.every)
    open_questions = _not_judged(card, rows, when)
    judged = rows[rows["verdict"] != ""]
    if not len(judged):
        return f"{when}: there is no earlier {card.every} to compare with.{open_questions}"
    # Within noise is p >= 1 - level after correction: no evidence of a change, not evidence of none.
    calm = judged[judged["verdict"] == "within noise"]
    moved = judged[judged["verdict"].isin(["up", "down"])]
    if len(moved):
        movements = "; ".join(_movement(card, row) for row in moved.to_dict("records"))
        return f"{when}: {movements}.{_others_calm(calm)}{open_questions}"
    if not len(calm):
        return f"{when}: no change can be judged.{open_questions}"
    return f"{when}: {_all_calm(card, calm)}.{open_questions}"


def _others_calm(calm: pd.DataFrame) -> str:
    """Say how many of the other metrics stayed within noise."""
    if not len(calm):
        return ""
    if len(calm) == 1:
        return f" {calm['label'].iloc[0]} stayed within noise."
    return f" The other {len(calm)} stayed within noise."


def _all_calm(card: Any, calm: pd.DataFrame) -> str:
    """Say that nothing moved, and since when."""
    start = _since_when(card, calm)
    if len(calm) == 1:
        return f"{calm['label'].iloc[0]} did not move beyond noise since {start}"
    return f"none of {len(calm)} figures judged moved beyond noise since {start}"


def _movement(card: Any, row: Row) -> str:
    """Say by how much a metric rose or fell, since when, and whether that is better."""
    rose = row["verdict"] == "up"
    verb = "fell"
    if rose:
        verb = "rose"
    # Better: it rose and high is good, or it fell and low is good; no judgement where neither is good.
    judgement = {("high", True): " (better)", ("low", False): " (better)"}.get(
        (card.good[row["metric"]], rose), " (worse)"
    )
    if not card.good[row["metric"]]:
        judgement = ""
    size = change_text(row).lstrip("+" + MINUS)
    return f"{row['label']} {verb} by {size}{since(row, card.every)}{judgement}"


def _not_judged(card: Any, rows: pd.DataFrame, when: str) -> str:
    """Say of which metrics nobody can tell whether they moved, and why."""
    # A metric that had nothing in the judged period shows an older one.
    stale = (rows["verdict"] == "") & (rows["period"] != card.period)
    reasons = (
        (rows["verdict"] == "not judged", "cannot be judged: without an interval on both sides"),
        (rows["verdict"] == "not shown", "cannot be shown: too few on a side"),
        (stale, f"cannot be judged: nothing in {when}"),
    )
    sentences = []
    for chosen, why in reasons:
        names = list(rows.loc[chosen, "label"])
        if names:
            sentences.append(f" {', '.join(names[:_METRICS_NAMED])}{_more(names, _METRICS_NAMED)} {why}.")
    return "".join(sentences)


def _more(named: Any, most: int, before: str = "") -> str:
    """Say how many more there are than are named."""
    if len(named) > most:
        return f"{before} and {len(named) - most} more"
    return ""


def _since_when(card: Any, rows: pd.DataFrame) -> str:
    """Name the period that changes are measured from: the one before, or else by its date."""
    starts = {since(row, card.every) for row in rows.to_dict("records")}
    before = f"the {card.every} before"
    # All are measured from the period right before.
    if starts == {""}:
        return before
    if len(starts) == 1:
        return starts.pop().removeprefix(" since ")
    return f"{before} that has data"


def groups_finding(card: Any) -> str:
    """Say which groups moved and which are unlike the rest, beyond noise; empty without groups."""
    if not (card.by or card.searched):
        return ""
    by = f"By {', '.join(card.by)}, "
    if card.searched:
        columns = [", ".join(card.by), *card.searched]
        by = f"By {', by '.join(column for column in columns if column)}, "
    sentences = []
    if len(card.changes):
        groups = _of_groups(card)
        moved = _differences(card, groups, ("up", "down"))
        said = "no group moved beyond noise"
        if moved:
            said = f"moved: {moved}"
        sentences.append(f"{by}{said}{unknown(groups)}.")
    if len(card.rest):
        unlike = _differences(card, card.rest, ("above", "below"))
        said = "no group is unlike the others"
        if unlike:
            said = f"unlike the others together: {unlike}"
        sentences.append(f"{by}{said}{unknown(card.rest)}.")
    return " ".join(sentences)


def _of_groups(card: Any) -> pd.DataFrame:
    """Return the changes of groups, without those over all."""
    changes: pd.DataFrame = card.changes
    return changes[~changes["whole"].astype(bool)]


def _differences(card: Any, table: pd.DataFrame, verdicts: tuple[str, str]) -> str:
    """Name the groups with their differences and intervals, the surest first."""
    # By p-value, not by size: the largest differences are those of the smallest groups, and mostly luck.
    beyond = table[table["verdict"].isin(verdicts)].sort_values("p_adjusted", kind="stable")
    texts = []
    for row in beyond.head(_GROUPS_NAMED).to_dict("records"):
        value, low, high = (float(row[name]) for name in ("difference", "low", "high"))
        figure = format_estimate(value, low, high, Unit(row["unit"]), signed=True)
        label = card.label(row["metric"])
        texts.append(f"{_group(card, row)}, {label} {figure}{_start(card, row, verdicts)}")
    return "; ".join(texts) + _more(beyond, _GROUPS_NAMED, before=";")


def _start(card: Any, row: Row, verdicts: tuple[str, str]) -> str:
    """Name the period a change is measured from; differences from the rest have none."""
    if verdicts[0] == "up":
        return since(row, card.every)
    return ""


def text(card: Any) -> str:
    """Return the whole scorecard as a few lines of text."""
    rows = card.latest.to_dict("records")
    lines = [
        f"{title(card)}. {finding(card)}",
        *(_line(row, since(row, card.every), card.currency) for row in rows),
    ]
    groups = _of_groups(card)
    moved = _listed(card, groups, ("up", "down"))
    if (card.by or card.searched) and len(card.changes):
        lines.append(f"Groups that moved: {moved or 'none beyond noise'}{unknown(groups)}.")
    if len(card.rest):
        unlike = _listed(card, card.rest, ("above", "below"))
        lines.append(f"Groups unlike the rest: {unlike or 'none beyond noise'}{unknown(card.rest)}.")
    return "\n".join([*lines, *(f"Note: {note}." for note in card.notes)])


def title(card: Any) -> str:
    """Return the name of the scorecard, its groups and its period."""
    words = f"Scorecard {card.name}".rstrip()
    if card.by:
        words += f" by {', '.join(card.by)}"
    if card.every:
        words += f", every {card.every}"
    return words


def _line(row: Row, start: str, currency: str) -> str:
    texts = cell_texts(row, currency)
    line = f"{texts.label} {texts.value} {texts.interval}".rstrip() + f", n {texts.n}"
    if texts.change:
        line += f"; {texts.reading.split(' (')[0]}: {texts.change}{start}"
    if row["small_base"] and not row["suppressed"]:
        line += " (small base)"
    return line


def _listed(card: Any, table: pd.DataFrame, verdicts: tuple[str, str]) -> str:
    """Name the groups with their differences, in the order of the table."""
    if not len(table):
        return ""
    beyond = table[table["verdict"].isin(verdicts)]
    texts = []
    for row in beyond.head(_GROUPS_LISTED).to_dict("records"):
        figure = format_value(row["difference"], Unit(row["unit"]), signed=True)
        label = card.label(row["metric"])
        texts.append(f"{_group(card, row)} {label} {figure}{_start(card, row, verdicts)}")
    return "; ".join(texts) + _more(beyond, _GROUPS_LISTED)


def _group(card: Any, row: Row) -> str:
    """Name a group; with its column where several columns were searched."""
    if card.searched:
        return f"{row['column']} {row['group']}"
    return str(row["group"])


def unknown(table: pd.DataFrame) -> str:
    """Say how many comparisons nobody can judge, and how many are hidden; nothing where there is none."""
    counts = (
        (int((table["verdict"] == "not judged").sum()), "cannot be judged"),
        (int((table["verdict"] == "not shown").sum()), "hidden"),
    )
    said = ", ".join(f"{n} {words}" for n, words in counts if n)
    if said:
        return f" ({said})"
    return ""
