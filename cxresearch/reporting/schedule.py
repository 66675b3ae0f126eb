"""Text to paste where reports are scheduled: crontab, systemd, GitHub Actions, Airflow."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cxresearch
from cxresearch.reporting.outcome import ExitCode, usage_error
from cxresearch.reporting.plan import Plan, plan_run
from cxresearch.results.templating import render_text

SYSTEMS = ("cron", "systemd", "github", "airflow")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVERY = ("hour", "day", *_DAYS, "month", "quarter")


@dataclass(frozen=True, kw_only=True)
class Timing:
    """When a report is made.

    Attributes
    ----------
    every : str
        ``hour``, ``day``, a day of the week, ``month`` or ``quarter`` (their first day).
    hour, minute : int
        Time of day.
    """

    every: str
    hour: int
    minute: int

    @property
    def cron(self) -> str:
        """The five fields of cron.

        Examples
        --------
        >>> Timing(every="monday", hour=7, minute=30).cron
        '30 7 * * 1'
        """
        if self.every == "hour":
            return f"{self.minute} * * * *"
        day, month, weekday = "*", "*", "*"
        if self.every in _DAYS:
            # crontab(5): Sunday is 0, Monday 1.
            weekday = str((_DAYS.index(self.every) + 1) % 7)
        elif self.every == "month":
            day = "1"
        elif self.every == "quarter":
            day, month = "1", "1,4,7,10"
        return f"{self.minute} {self.hour} {day} {month} {weekday}"

    @property
    def calendar(self) -> str:
        """The same as a calendar event of systemd.

        Examples
        --------
        >>> Timing(every="monday", hour=7, minute=30).calendar
        'Mon *-*-* 07:30:00'
        """
        if self.every == "hour":
            return f"*-*-* *:{self.minute:02d}:00"
        date = {"month": "*-*-01", "quarter": "*-01,04,07,10-01"}.get(self.every, "*-*-*")
        if self.every in _DAYS:
            date = f"{self.every[:3].title()} {date}"
        return f"{date} {self.hour:02d}:{self.minute:02d}:00"


def read_timing(every: str, at: str) -> Timing:
    """Return when to run from what a command line says.

    Examples
    --------
    >>> read_timing("day", "06:00")
    Timing(every='day', hour=6, minute=0)
    """
    clock = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", at)
    if not clock:
        raise usage_error(f"--at is {at!r}", wanted="a time of day such as 07:30")
    if every not in EVERY:
        raise usage_error(f"--every is {every!r}", wanted="one of " + ", ".join(EVERY))
    return Timing(every=every, hour=int(clock[1]), minute=int(clock[2]))


def schedule_text(
    system: str,
    report: str,
    timing: Timing,
    *,
    study: str | None = None,
    parameters: Mapping[str, str] | None = None,
    output: str = "reports",
) -> str:
    """Return what to paste to have a report made regularly.

    Parameters
    ----------
    system : {"cron", "systemd", "github", "airflow"}
        Where it is scheduled.
    report, study, parameters, output
        As for `run_report`; checked as for a run, so that what is pasted will work.
    timing : Timing
        When.

    Raises
    ------
    ReportError
        Exit code 2, if the report or a parameter would be refused when the time comes.
    """
    if system not in SYSTEMS:
        raise usage_error(f"--as is {system!r}", wanted="one of " + ", ".join(SYSTEMS))
    plan = plan_run(report, study=study, parameters=parameters, output=output)
    words = ["run", report]
    if study:
        words += ["--study", study]
    for name, value in (parameters or {}).items():
        # A line break would begin a new job, and ${{ an expression of GitHub Actions.
        if re.search(r"[\r\n\0]", value) or "${{" in value:
            raise usage_error(
                f"parameter {name} cannot be written into a schedule", wanted="one line of text"
            )
        words += ["--set", f"{name}={value}"]
    words += ["--output", output]
    values = _VALUES[system](plan, timing, words)
    return render_text("cxresearch.reporting", f"schedule/{system}", name=plan.report.name, **values)


def _program() -> str:
    beside = Path(sys.executable).with_name("cxresearch")
    if beside.exists():
        return str(beside)
    return "cxresearch"


def _cron(plan: Plan, timing: Timing, words: list[str]) -> dict[str, str]:
    # cron mails whatever is printed.
    command = _shell_command(plan, [*words[:2], "--quiet", *words[2:]])
    # An unescaped % ends the command in a crontab.
    return {"cron": timing.cron, "command": command.replace("%", r"\%")}


def _systemd(plan: Plan, timing: Timing, words: list[str]) -> dict[str, str]:
    return {
        "folder": str(plan.base).replace("%", "%%"),
        "command": " ".join(_systemd_quote(word) for word in [_program(), *words]),
        "busy": str(int(ExitCode.BUSY)),
        "calendar": timing.calendar,
    }


def _systemd_quote(word: str) -> str:
    # systemd.service(5): % and $ are doubled, quotes and backslashes escaped.
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _github(plan: Plan, timing: Timing, words: list[str]) -> dict[str, str]:  # noqa: ARG001 - one signature
    return {
        "cron": timing.cron,
        "version": cxresearch.__version__,
        "command": json.dumps(shlex.join(["cxresearch", *words])),
        "output": json.dumps(words[-1]),
    }


def _airflow(plan: Plan, timing: Timing, words: list[str]) -> dict[str, str]:
    folder = str(plan.shelf.folder / "airflow")
    values = {
        "folder": folder,
        "base": str(plan.base),
        "dag": f"cxresearch-{plan.report.name}",
        "cron": timing.cron,
        "task": plan.report.name,
        "notebook": str(plan.report.path),
        "executed": folder + "/{{ ds_nodash }}.ipynb",
        "parameters": {key: value for key, value in plan.given.items() if not hasattr(value, "isoformat")},
        "command": _shell_command(plan, words),
    }
    return {name: repr(value) for name, value in values.items()}  # literals of Python


def _shell_command(plan: Plan, words: list[str]) -> str:
    return f"cd {shlex.quote(str(plan.base))} && {shlex.join([_program(), *words])}"


#: What each template of ``templates/schedule`` is filled with.
_VALUES = {"cron": _cron, "systemd": _systemd, "github": _github, "airflow": _airflow}
