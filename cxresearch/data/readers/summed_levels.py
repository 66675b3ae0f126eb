"""Levels of customers from rows that are something else: subscriptions, movements, snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cxresearch.data.readers.connection import literal, quoted
from cxresearch.data.study_file.declarations import SourceMap
from cxresearch.errors import StudyError
from cxresearch.wording import only_if, shown

#: Columns that make sense where levels are those of subscriptions.
SUMMED_COLUMNS = ("customer_id", "effective_at", "mrr", "subscription_id")
#: Columns of a row that is a subscription from a start to an end.
PERIOD_COLUMNS = (*SUMMED_COLUMNS, "ends_at", "trial_ends_at", "status")
#: Hidden column: how many rows a level sums.
SUMMED = "_summed"
#: The view of levels made of other rows.
SUMMED_VIEW = "typed_revenue_summed"
#: What the rows of a source are, and by which way they become levels.
_SUMS = ("subscriptions", "movements")
_HIDDEN = "_row, _source, _key, _fault, _fault_value"

# A row counts if it can be placed: of one customer, dated, with an amount. Others stay as they are, for the
# rules to judge: nothing is lost.
_PLACED = (
    "_fault IS NULL AND customer_id IS NOT NULL AND effective_at IS NOT NULL AND mrr IS NOT NULL "
    "AND effective_at >= TIMESTAMP '1901-01-01'"
)
# The level of one subscription holds until its next row, so its change is the difference to the row before.
_BY_SUBSCRIPTION = f"""
subscription_rows AS (
  SELECT * REPLACE (CASE WHEN _fault IS NULL AND subscription_id IS NULL
                         THEN 'missing_value:subscription_id' ELSE _fault END AS _fault)
  FROM {{view}} WHERE _rows = 'levels'),
subscription_judged AS (
  SELECT *, coalesce({_PLACED} AND mrr >= 0 AND subscription_id IS NOT NULL
                     AND count(*) OVER (PARTITION BY customer_id, subscription_id, effective_at) = 1,
                     false) AS counts
  FROM subscription_rows),
subscription_changes AS (
  SELECT customer_id, effective_at, _source, _row,
         mrr - coalesce(lag(mrr) OVER (PARTITION BY customer_id, subscription_id ORDER BY effective_at), 0)
         AS change
  FROM subscription_judged WHERE counts)
"""  # noqa: S608 - constant names
# A period adds its amount at its start and takes it away at its end; an end that a next start of the same
# customer follows within the declared gap moves to that start.
_BY_PERIOD = f"""
periods AS (
  SELECT *, coalesce({_PLACED} AND mrr >= 0, false) AS counts FROM {{view}} WHERE _rows = 'subscriptions'),
paying AS (
  SELECT customer_id, _source, _row, _stop, _gap,
         greatest(effective_at, coalesce(trial_ends_at, effective_at)) AS _start,
         CASE WHEN status IN ('trial', 'unpaid') THEN 0 ELSE mrr END AS level
  FROM periods WHERE counts),
starts AS (SELECT customer_id, _start AS following FROM paying WHERE level > 0),
bridged AS (
  SELECT p.*, CASE WHEN s.following <= p._stop + to_seconds(CAST(p._gap * 86400 AS BIGINT))
                   THEN s.following ELSE p._stop END AS stop
  FROM paying p ASOF LEFT JOIN starts s ON p.customer_id = s.customer_id AND p._stop <= s.following),
period_changes AS (
  SELECT customer_id, _start AS effective_at, _source, _row, level AS change FROM bridged
  WHERE stop IS NULL OR stop > _start
  UNION ALL
  SELECT customer_id, stop, _source, _row, -level FROM bridged WHERE stop > _start)
"""  # noqa: S608 - constant names
_BY_MOVEMENT = f"""
movements AS (SELECT *, coalesce({_PLACED}, false) AS counts FROM {{view}} WHERE _rows = 'movements'),
movement_changes AS (
  SELECT customer_id, effective_at, _source, _row, mrr AS change FROM movements WHERE counts)
"""  # noqa: S608 - constant names
_LEVELS = """
moments AS (
  SELECT customer_id, effective_at, sum(change) AS change, min(_source) AS _source,
         arg_min(_row, (_source, _row)) AS _row, count(*) AS {summed}
  FROM changes GROUP BY customer_id, effective_at)
SELECT _row, _source, CAST(NULL AS VARCHAR) AS _key, CAST(NULL AS VARCHAR) AS _fault,
       CAST(NULL AS VARCHAR) AS _fault_value, customer_id, effective_at,
       round(sum(change) OVER (PARTITION BY customer_id ORDER BY effective_at), 6) + 0.0 AS mrr, {summed}
FROM moments
"""
# Who has no row at a snapshot left between the one before and this one: level 0 from its date on.
_SNAPSHOTS = """
WITH snapshots AS (SELECT * FROM {view} WHERE _rows = 'snapshots'),
present AS (SELECT customer_id, effective_at{kept} FROM snapshots WHERE {placed} GROUP BY ALL),
dates AS (SELECT effective_at, lead(effective_at) OVER (ORDER BY effective_at) AS following
          FROM (SELECT DISTINCT effective_at FROM present)),
gone AS (
  SELECT p.* REPLACE (d.following AS effective_at)
  FROM present p JOIN dates d USING (effective_at)
  WHERE d.following IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM present q WHERE q.customer_id = p.customer_id AND q.effective_at = d.following))
SELECT * EXCLUDE (_rows), 0 AS {absent} FROM {view}
UNION ALL BY NAME
SELECT 0 AS _row, {label} AS _source, CAST(NULL AS VARCHAR) AS _key, CAST(NULL AS VARCHAR) AS _fault,
       CAST(NULL AS VARCHAR) AS _fault_value, *, 0.0 AS mrr, 1 AS {absent} FROM gone
"""
#: Hidden column: 1 in the rows that stand for customers missing from a snapshot.
ABSENT = "_absent"
_JUDGED = {
    "levels": ("subscription_judged", "subscription_changes", _BY_SUBSCRIPTION),
    "subscriptions": ("periods", "period_changes", _BY_PERIOD),
    "movements": ("movements", "movement_changes", _BY_MOVEMENT),
}


def rows_as_declared(source: SourceMap, select: str) -> str:
    """Return the SELECT of a revenue source with what levels are made of: its kind of rows and its ends.

    Parameters
    ----------
    source : SourceMap
        What the study file declares.
    select : str
        Its typed rows.

    Notes
    -----
    ``_stop`` is the first moment without revenue: the end itself, or the day after where the end is the last
    paid day (local days in the zone of the column ``ends_at``).
    """
    if source.rows != "subscriptions":
        return _with_kind(select, source.rows)
    stop = "ends_at"
    if source.ends == "inclusive":
        zone = literal(source.columns["ends_at"].timezone)
        local = f"(ends_at AT TIME ZONE 'UTC') AT TIME ZONE {zone}"
        stop = f"((date_trunc('day', {local}) + INTERVAL 1 DAY) AT TIME ZONE {zone}) AT TIME ZONE 'UTC'"
    optional = {"trial_ends_at": "TIMESTAMP", "status": "VARCHAR"}
    absent = [
        f"CAST(NULL AS {kind}) AS {name}" for name, kind in optional.items() if name not in source.columns
    ]
    status = only_if("status" in source.columns, "status") or "NULL"
    fault = (
        "CASE WHEN _fault IS NOT NULL THEN _fault "
        "WHEN ends_at < effective_at THEN 'end_before_start:ends_at' "
        f"WHEN {status} NOT IN ('active', 'trial', 'unpaid', 'cancelled') THEN 'unknown_status:status' "
        f"WHEN {status} = 'cancelled' AND ends_at IS NULL THEN 'cancelled_without_end:ends_at' END"
    )
    columns = ", ".join((f"* REPLACE ({fault} AS _fault)", *absent))
    rows = f"SELECT {columns}, CAST({stop} AS TIMESTAMP) AS _stop, {source.bridge_gaps_days!r} AS _gap"
    return _with_kind(f"{rows} FROM ({select})", source.rows)


def _with_kind(select: str, kind: str) -> str:
    return f"SELECT *, {literal(kind)} AS _rows FROM ({select})"  # noqa: S608 - built from quoted parts


def needs_sums(sources: Iterable[SourceMap]) -> bool:
    """Whether some revenue is not yet the level of a customer."""
    revenue = [source for source in sources if source.table == "revenue"]
    return any(source.rows in _SUMS or "subscription_id" in source.columns for source in revenue)


def has_snapshots(sources: Iterable[SourceMap]) -> bool:
    """Whether some revenue comes as snapshots, in which who is missing has left."""
    return any(source.rows == "snapshots" for source in sources)


def summed_levels(view: str, kinds: Sequence[str], columns: Iterable[str]) -> str:
    """Return the SELECT of customers' levels from typed rows of other kinds.

    Sums are rounded to a millionth, so that what ends leaves nothing behind. Rows that cannot be placed come
    back unchanged.

    Parameters
    ----------
    view : str
        Name of the view with the typed rows, made by `rows_as_declared`.
    kinds : sequence of str
        Which kinds of rows occur in it: of ``levels`` (by subscription), ``subscriptions``, ``movements``.
    columns : iterable of str
        The columns of the view.
    """
    parts = [_JUDGED[kind] for kind in _JUDGED if kind in kinds]
    steps = [part[2].format(view=quoted(view)).strip() for part in parts]
    steps.append("changes AS (" + " UNION ALL ".join(f"FROM {changes}" for _, changes, _ in parts) + ")")
    inner = {"subscription_id", "ends_at", "trial_ends_at", "status", "_stop", "_gap", "_rows"}
    dropped = ", ".join([*sorted(inner & set(columns)), "counts"])
    others = [
        f"SELECT * EXCLUDE ({dropped}), 1 AS {SUMMED} FROM {judged} WHERE NOT counts"  # noqa: S608
        for judged, _, _ in parts
    ]
    levels = _LEVELS.format(summed=SUMMED)
    return f"WITH {', '.join(steps)}, {levels} UNION ALL BY NAME {' UNION ALL BY NAME '.join(others)}"


def with_absent(view: str, label: str, columns: Iterable[str]) -> str:
    """Return the SELECT of snapshots with a level of 0 for each customer missing from the next one."""
    kept = only_if("currency" in columns, ", any_value(currency) AS currency")
    return _SNAPSHOTS.format(
        view=quoted(view), placed=_PLACED, absent=ABSENT, label=literal(label), kept=kept
    )


def period_counts(view: str) -> Mapping[str, str]:
    """Return the counts of periods worth a doubt, each a SELECT of one number, by what they count."""
    never = "WHERE _rows = 'subscriptions' AND _fault IS NULL AND "
    paid_from = "greatest(effective_at, coalesce(trial_ends_at, effective_at))"
    return {
        "subscriptions that never paid (over at their start, or within a trial)": (
            f"SELECT count(*) FROM {quoted(view)} {never} _stop <= {paid_from}"  # noqa: S608
        ),
        "active subscriptions with an end": (
            f"SELECT count(*) FROM {quoted(view)} {never} status = 'active' AND _stop IS NOT NULL"  # noqa: S608
        ),
        "subscriptions on trial or unpaid, level 0": (
            f"SELECT count(*) FROM {quoted(view)} {never} status IN ('trial', 'unpaid')"  # noqa: S608
        ),
    }


def check_summed(columns: Iterable[str], where: str, allowed: Sequence[str] = SUMMED_COLUMNS) -> None:
    """Refuse further columns of subscriptions: a sum has no plan and no status.

    Raises
    ------
    StudyError
        Naming the first.
    """
    for name in columns:
        if name not in allowed:
            raise StudyError(
                f"column {shown(name)} cannot be kept where levels of several subscriptions are summed",
                where=where,
                next_step="leave it out, or sum the levels yourself (with sql in a study file)",
            )
