"""Text to paste where reports are scheduled: crontab, systemd, GitHub Actions, Airflow."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cxresearch.reporting.outcome import ExitCode, usage_error
from cxresearch.reporting.plan import Plan, plan_run

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
        weekday = f"{self.every[:3].title()} " if self.every in _DAYS else ""
        return f"{weekday}{date} {self.hour:02d}:{self.minute:02d}:00"


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
    words = ["run", report, *(["--study", study] if study else [])]
    for name, value in (parameters or {}).items():
        if re.search(r"[\r\n\0]", value) or "${{" in value:
            raise usage_error(
                f"parameter {name} cannot be written into a schedule", wanted="one line of text"
            )
        words += ["--set", f"{name}={value}"]
    words += ["--output", output]
    writer = {"cron": _cron, "systemd": _systemd, "github": _github, "airflow": _airflow}[system]
    return writer(plan, timing, words)


def _program() -> str:
    beside = Path(sys.executable).with_name("cxresearch")
    return str(beside) if beside.exists() else "cxresearch"


def _cron(plan: Plan, timing: Timing, words: list[str]) -> str:
    command = f"cd {shlex.quote(str(plan.base))} && {shlex.join([_program(), *words])}"
    escaped = command.replace("%", r"\%")  # an unescaped % ends the command in a crontab
    return (
        f"# {plan.report.name}: silent when all is well; cron mails the one line that says what is wrong\n"
        f"# MAILTO=you@example.com\n{timing.cron} {escaped}\n"
    )


def _systemd(plan: Plan, timing: Timing, words: list[str]) -> str:
    name = f"cxresearch-{plan.report.name}"
    quoted = " ".join(_systemd_quote(word) for word in [_program(), *words])
    return f"""# ~/.config/systemd/user/{name}.service
[Unit]
Description=cxresearch report {plan.report.name}

[Service]
Type=oneshot
WorkingDirectory={str(plan.base).replace("%", "%%")}
ExecStart={quoted}
# Busy means that the report is being made already: nothing to worry about.
SuccessExitStatus={int(ExitCode.BUSY)}

# ~/.config/systemd/user/{name}.timer
[Unit]
Description=Makes the cxresearch report {plan.report.name}

[Timer]
OnCalendar={timing.calendar}
Persistent=true

[Install]
WantedBy=timers.target

# systemctl --user enable --now {name}.timer
"""


def _systemd_quote(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _github(plan: Plan, timing: Timing, words: list[str]) -> str:
    command = shlex.join(["cxresearch", *words])
    return f"""# .github/workflows/{plan.report.name}.yml (times are UTC)
name: "report {plan.report.name}"
on:
  schedule:
    - cron: "{timing.cron}"
  workflow_dispatch: {{}}
permissions:
  contents: read
concurrency:
  group: "report-{plan.report.name}"
jobs:
  report:
    runs-on: ubuntu-latest
    timeout-minutes: 60
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install cxresearch
      - run: {json.dumps(command)}
      - if: always()
        uses: actions/upload-artifact@v4
        with:
          name: "{plan.report.name}"
          path: {json.dumps(words[-1])}
          if-no-files-found: ignore
"""


def _airflow(plan: Plan, timing: Timing, words: list[str]) -> str:
    name = plan.report.name
    parameters = {key: value for key, value in plan.given.items() if not hasattr(value, "isoformat")}
    folder = str(plan.shelf.folder / "airflow")
    command = f"cd {shlex.quote(str(plan.base))} && {shlex.join([_program(), *words])}"
    return f'''"""Makes the cxresearch report {name}."""

import os
from datetime import datetime

from airflow import DAG
from airflow.providers.papermill.operators.papermill import PapermillOperator

# The notebook writes results.json, figures and tables here.
os.environ["CXRESEARCH_STAGING"] = {folder!r}
os.environ["CXRESEARCH_BASE"] = {str(plan.base)!r}
os.makedirs(os.environ["CXRESEARCH_STAGING"], exist_ok=True)

with DAG(
    dag_id={"cxresearch-" + name!r},
    schedule={timing.cron!r},
    start_date=datetime(2024, 1, 1),
    catchup=False,
    max_active_runs=1,
) as dag:
    PapermillOperator(
        task_id={name!r},
        input_nb={str(plan.report.path)!r},
        output_nb={folder + "/{{ ds_nodash }}.ipynb"!r},
        parameters={parameters!r},
    )
    # papermill alone neither locks, checks nor publishes. To have that as well, use instead
    # BashOperator(task_id={name!r}, bash_command={command!r})
'''
