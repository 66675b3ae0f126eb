"""Reading of a study.toml: every key known, every type right, every choice declared; no data are opened."""

from __future__ import annotations

import math
import re
import tomllib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from cxresearch.data.local_time import offset_steps
from cxresearch.data.study_file.codebook_file import load_codebook
from cxresearch.data.study_file.costs_section import read_costs
from cxresearch.data.study_file.declarations import (
    QUERY_SECONDS,
    AfterCut,
    DeclaredCodebook,
    DeclaredFlag,
    DeclaredJourney,
    Limits,
    OnReject,
    RawInput,
    RevenueEnds,
    StudyFile,
    StudyKind,
)
from cxresearch.data.study_file.instruments import read_instruments
from cxresearch.data.study_file.parse_sources import read_sources
from cxresearch.data.study_file.toml_section import Keys
from cxresearch.errors import ArgumentError, StudyError
from cxresearch.wording import only_if, shown

_TOP_KEYS = (
    "study",
    "instruments",
    "limits",
    "revenue",
    "inputs",
    "sources",
    "flags",
    "targets",
    "costs",
    "alerts",
    "themes",
    "journey",
)
_DATA_FILES = (".csv", ".tsv", ".txt", ".tab", ".parquet", ".pq", ".duckdb", ".db", ".xlsx", ".xls", ".json")
_SHARE = re.compile(r"(?P<number>\d+(\.\d+)?)\s*%")
_INPUT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parse_study_file(path: str | Path) -> StudyFile:
    """Read a study file, or the ``study.toml`` of a folder.

    Parameters
    ----------
    path : str or Path
        The file or its folder.

    Returns
    -------
    StudyFile
        What it declares, with paths resolved against its folder.

    Raises
    ------
    StudyError
        If it is missing, a data file, not TOML, has an unknown key, or leaves open what must be declared.
    """
    file = Path(path)
    if file.is_dir():
        file = file / "study.toml"
    return parse_study_text(_load(file), file)


def parse_study_text(text: str, file: Path) -> StudyFile:
    """Read the text of a study file as if it stood in ``file``; see `parse_study_file`."""
    top = Keys(_toml(text, file.name), file.name)
    # TOML 1.0: keys that nobody reads would be settings that silently do nothing.
    top.only(_TOP_KEYS)  # alerts are read by reporting
    about = top.table("study", required=True)
    about.only(
        ("name", "kind", "observed_until", "after_cut", "timezone", "currency", "segments", "query_seconds")
    )
    kind = read_kind(about)
    timezone = read_timezone(about)
    cut = read_declared_cut(about, kind, timezone, file.name)
    limits = top.table("limits")
    inputs = {
        name: _input(top.table("inputs").table(name), name, file.parent) for name in top.table("inputs")
    }
    instruments = read_instruments(top.table("instruments"))
    more_inputs, sources = read_sources(top, inputs, instruments, timezone, file.parent, kind)
    _check_snapshot(about, top, kind)
    return StudyFile(
        path=file,
        name=about.text("name", default=file.resolve().parent.name),
        kind=kind,
        observed_until=cut,
        timezone=timezone,
        currency=about.text("currency", default=""),
        instruments=instruments,
        segments=about.texts("segments") if "segments" in about else None,
        limits=_limits(limits),
        after_cut=_after_cut(about),
        query_seconds=_query_seconds(about),
        revenue_ends=_revenue_ends(top.table("revenue")),
        inputs=more_inputs,
        sources=sources,
        flags=tuple(_flag(keys) for keys in top.tables("flags")),
        codebook=_codebook(top.table("themes"), file.parent),
        journey=_journey(top.table("journey")),
        targets={name: _target(top.table("targets"), name) for name in top.table("targets")},
        costs=read_costs(top.table("costs")),
    )


def refuse_data_file(file: Path) -> None:
    """Refuse a data file where a study file is wanted, and say how to get one.

    Raises
    ------
    StudyError
        By its name; it is not opened.
    """
    if file.name.lower().removesuffix(".gz").endswith(_DATA_FILES):
        raise StudyError(
            f"{shown(file.name)} is {'a data file' if file.exists() else 'no study file'}",
            where=str(file),
            wanted="a study.toml, which says what the columns of data files mean",
            next_step=f"`cxresearch init {file.parent}` writes a first one for the files in that folder",
        )


def _load(file: Path) -> str:
    refuse_data_file(file)
    try:
        # Editors on Windows put a mark of byte order first, which TOML does not admit.
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise StudyError(
            "there is no study file here",
            where=str(file),
            next_step="write a first one with `cxresearch init FOLDER`",
        ) from None
    except UnicodeDecodeError as error:
        raise StudyError(
            "the study file is not UTF-8", where=f"{file.name}, byte {error.start + 1:,}", wanted="UTF-8 text"
        ) from None
    except OSError as error:
        raise StudyError(f"the study file cannot be read: {error.strerror}", where=str(file)) from None


def _toml(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"the study file is not valid TOML: {error}", where=name) from None


def read_timezone(about: Keys) -> str:
    """Return the declared time zone, UTC by default, checked against the tz database."""
    timezone = about.text("timezone", default="UTC")
    try:
        offset_steps(timezone)
    except ArgumentError as error:
        raise StudyError(error.problem, where=about.where, wanted=error.wanted) from None
    return timezone


def read_kind(about: Keys) -> StudyKind:
    """Return whether the tables have dates: a timeline, or a snapshot of who left by some day."""
    return cast("StudyKind", about.choice("kind", ("timeline", "snapshot"), default="timeline"))


def _check_snapshot(about: Keys, top: Keys, kind: StudyKind) -> None:
    """Refuse what only dates can give meaning to."""
    named = [only_if("after_cut" in about, "after_cut"), only_if("revenue" in top, "[revenue]")]
    named.append(only_if("alerts" in top, "[alerts]"))
    for name in filter(None, named):
        if kind == "snapshot":
            raise StudyError(f"{name} needs dates, and a snapshot has none", where=about.where)


def read_declared_cut(about: Keys, kind: StudyKind, timezone: str, where: str) -> datetime:
    """Return the data cut; a snapshot needs none, for it holds no date that could lie after it."""
    # A cut that is given all the same is checked: it says of which day the list is.
    if kind == "snapshot" and "observed_until" not in about:
        # Every rule about the data cut then holds of itself.
        return datetime.max
    return read_cut(about.value("observed_until"), timezone, where)


def read_cut(declared: Any, timezone: str, where: str) -> datetime:
    """Return the data cut as naive UTC.

    Parameters
    ----------
    declared : datetime, date or str
        With an offset it is that instant; without one it is local time in ``timezone``; a mere date means the
        end of that day there.

    Examples
    --------
    >>> read_cut("2024-12-31", "Europe/Berlin", "study.toml")
    datetime.datetime(2024, 12, 31, 22, 59, 59, 999999)
    """
    wanted = "observed_until as a date or time, such as 2024-12-31 or 2024-12-31T18:00:00Z"
    if declared is None:
        raise StudyError(
            "observed_until is not declared",
            where=where,
            wanted=wanted,
            next_step="write the moment up to which the data are complete; censoring needs it",
        )
    if isinstance(declared, str):
        try:
            moment = datetime.fromisoformat(declared.strip())
            whole_day = re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", declared.strip()) is not None
            if not whole_day and not re.match(r"\d{4}-?\d{2}-?\d{2}[T ]", declared.strip()):
                raise ValueError  # weeks, which Python reads too
        except ValueError:
            raise StudyError(f"observed_until is {declared[:40]!r}", where=where, wanted=wanted) from None
    elif declared != declared:  # noqa: PLR0124 - NaT is a datetime that equals nothing
        raise StudyError("observed_until is missing", where=where, wanted=wanted)
    elif isinstance(declared, datetime):
        moment, whole_day = declared, False
    elif isinstance(declared, date):
        moment, whole_day = datetime.combine(declared, time()), True
    else:
        raise StudyError(f"observed_until is a {type(declared).__name__}", where=where, wanted=wanted)
    # A day as the cut is known to its end: rows of that day count.
    if whole_day:
        moment += timedelta(days=1) - timedelta(microseconds=1)
    # Without an offset a time is local in the zone of the study (RFC 3339 wants one; people leave it out).
    if moment.tzinfo is None:
        # A cut without a zone is the study's local time; tables hold UTC, so it is converted once, here.
        moment = moment.replace(tzinfo=ZoneInfo(timezone))
    return _in_utc(moment, where)


def _in_utc(moment: datetime, where: str) -> datetime:
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise StudyError(
            f"observed_until is {moment.isoformat()}",
            where=where,
            wanted="a time that in UTC lies in the years 1 to 9999",
        ) from None


def _limits(keys: Keys) -> Limits:
    keys.only(("on_reject", "max_reject_share"))
    share = keys.number("max_reject_share", default=Limits.max_reject_share)
    if not 0 <= share <= 1:
        raise StudyError(f"max_reject_share is {share:g}", where=keys.where, wanted="a share from 0 to 1")
    # Who names a share that may be lost has said that rows may be set aside.
    default = "set_aside" if "max_reject_share" in keys else "refuse"
    chosen = keys.choice("on_reject", ("refuse", "set_aside"), default=default)
    return Limits(on_reject=cast("OnReject", chosen), max_reject_share=share)


def _query_seconds(keys: Keys) -> float:
    seconds = keys.number("query_seconds", default=QUERY_SECONDS)
    # A year of 366 days: longer waits are no limit, and a timer does not count them.
    if not 0 < seconds <= 366 * 86_400:
        raise StudyError(f"query_seconds is {seconds:g}", where=keys.where, wanted="seconds, above 0")
    return seconds


def _after_cut(keys: Keys) -> AfterCut:
    chosen = keys.choice("after_cut", ("reject", "leave_out"), default="reject")
    return cast("AfterCut", chosen)


def _revenue_ends(keys: Keys) -> RevenueEnds | None:
    keys.only(("ends",))
    if "ends" not in keys:
        return None
    return cast("RevenueEnds", keys.choice("ends", ("at_ended_at", "at_zero"), default=""))


def _codebook(keys: Keys, folder: Path) -> DeclaredCodebook | None:
    keys.only(("codebook",))
    if "codebook" not in keys:
        return None
    declared = keys.text("codebook")
    try:
        codebook = load_codebook(folder / declared)
    except StudyError as error:
        where = f"{keys.where}, codebook = {shown(declared)}"
        raise StudyError(error.problem, where=where, wanted=error.wanted, next_step=error.next_step) from None
    # the same file that was read is what the manifest hashes
    file = folder / declared
    if file.is_dir():
        file = file / "themes.toml"
    return DeclaredCodebook(declared=declared, file=file, codebook=codebook)


def _journey(keys: Keys) -> DeclaredJourney | None:
    """Return the declared stages; whether anybody enters them is seen when they are asked for."""
    keys.only(("stages", "entered", "within_days", "trial", "self_service"))
    if not list(keys):
        return None
    stages = keys.texts("stages")
    entered = keys.table("entered")
    days = keys.number("within_days", default=DeclaredJourney.within_days)
    if days <= 0:
        raise StudyError(f"within_days is {days:g}", where=keys.where, wanted="a number of days above 0")
    twice = sorted({name for name in stages if stages.count(name) > 1})
    if twice:
        raise StudyError(
            f"stage {shown(twice[0])} is declared twice",
            where=keys.where,
            wanted="each stage once: it may be entered again and again all the same",
        )
    unknown = [name for name in entered if name not in stages]
    if unknown:
        raise StudyError(
            f"entered names {shown(unknown[0])}, which is no stage",
            where=entered.where,
            wanted="one of stages",
        )
    trial = keys.texts("trial")
    if trial and len(trial) != 2:
        raise StudyError(
            f"trial names {len(trial)} stages", where=keys.where, wanted='two: trial = ["started", "paid"]'
        )
    return DeclaredJourney(
        stages=stages,
        entered={name: entered.text(name) for name in entered},
        within_days=days,
        trial=trial,
        self_service=keys.texts("self_service"),
    )


def _input(keys: Keys, name: str, folder: Path) -> RawInput:
    keys.only(("file", "frame", "database", *Keys.READER_KEYS))
    # The name becomes a view in SQL: letters, digits and underscores need no quotes and can do nothing.
    if not _INPUT_NAME.fullmatch(name):
        raise StudyError(
            f"input name {name!r} cannot be used in SQL",
            where=keys.where,
            wanted="letters, digits and underscores, not starting with a digit",
        )
    return keys.raw_input(name, folder)


def _target(keys: Keys, name: str) -> float:
    """Return the target of a metric: a number, or a share as a text with a per cent sign."""
    value = keys.value(name)
    if isinstance(value, str):
        share = _SHARE.fullmatch(value)
        if share:
            return float(share["number"]) / 100
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise StudyError(
            f"the target of {shown(name)} is {value!r}",
            where=keys.where,
            wanted="a number, or a share such as '90 %'",
            next_step="any metric of the scorecard can have a target: nps, sla_attainment, mrr",
        )
    return float(value)


def _flag(keys: Keys) -> DeclaredFlag:
    keys.only(("name", "table", "sql"))
    return DeclaredFlag(
        name=keys.text("name"), table=keys.text("table", default=""), sql=keys.text("sql").strip().rstrip(";")
    )
