"""The command line: parse, call, exit code."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from typing import Any

import cxresearch
from cxresearch.reporting.outcome import ExitCode, usage_error
from cxresearch.reporting.worker.command_ending import ended_by
from cxresearch.reporting.worker.progress import Progress, one_line, plain_lines
from cxresearch.reporting.worker.signals import TerminatedError, end_on_sigterm


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; docs/scheduling.md lists them."""
    options = _parser().parse_args(arguments)
    # A terminal of few letters shows a minus sign as a question mark; it is no reason to fail.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    end_on_sigterm()
    try:
        code = int(options.call(options))
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt, TerminatedError) as error:
        return ended_by(error)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cxresearch", description="Customer-experience research reports.")
    parser.add_argument("--version", action="version", version=f"cxresearch {cxresearch.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_run(commands)
    listing = commands.add_parser("list", help="list the reports there are")
    listing.set_defaults(call=_list)
    describe = commands.add_parser("describe", help="say what a report does and which parameters it has")
    describe.add_argument("report", help="name of a report, or path of a notebook")
    describe.set_defaults(call=_describe)
    _add_history(commands)
    _add_schedule(commands)
    _add_study(commands)
    _add_customer(commands)
    return parser


def _add_run(commands: Any) -> None:
    run = commands.add_parser("run", help="make a report and publish it")
    run.add_argument("report", help="name of a report (see `cxresearch list`), or path of a notebook")
    run.add_argument("--study", metavar="PATH", help="study.toml or its folder; default: the built-in study")
    run.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="give a parameter of the report a value, such as every=quarter, or featured=nps,ces for a list; "
        "may be repeated. `cxresearch list` names the reports, `cxresearch describe REPORT` their parameters",
    )
    run.add_argument("--output", metavar="FOLDER", default="reports", help="default: reports")
    run.add_argument("--force", action="store_true", help="run even if nothing changed")
    run.add_argument("--deadline", metavar="SECONDS", type=float, default=3600.0, help="default: 3600")
    run.add_argument("--cell-timeout", metavar="SECONDS", type=float, help="default: none")
    run.add_argument(
        "--dry-run",
        action="store_true",
        help="check everything that needs no kernel, say what would be refused, then stop",
    )
    each = run.add_argument_group("one report for each segment")
    each.add_argument("--each", metavar="SEGMENT", help="a segment column of the customers, such as plan")
    each.add_argument("--workers", metavar="N", type=int, help="default: what cores and memory allow")
    each.add_argument("--warm", action="store_true", help="keep kernels between segments: faster, less apart")
    each.add_argument(
        "--smallest", metavar="N", type=int, default=30, help="fewer customers: no report; default 30"
    )
    run.add_argument("-q", "--quiet", action="store_true", help="say only what is wrong or alarming")
    run.set_defaults(call=_run)


def _settings(pairs: Sequence[str]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise usage_error(f"--set {pair!r} has no name or no value", wanted="--set name=value")
        if name in settings:
            raise usage_error(f"parameter {name!r} is set twice")
        settings[name] = value
    return settings


def _run(options: argparse.Namespace) -> int:
    if options.dry_run:
        return _rehearse(options)
    if options.each:
        return _run_each(options)
    from cxresearch.reporting.plan import plan_run
    from cxresearch.reporting.run_report import execute_plan, settle_alerts
    from cxresearch.reporting.worker.worker_process import WorkerProcess

    progress = None
    if not options.quiet:
        progress = Progress(sys.stderr)
    settings = _settings(options.settings)
    plan = plan_run(options.report, study=options.study, parameters=settings, output=options.output)
    with WorkerProcess() as worker:
        outcome = execute_plan(
            plan,
            worker,
            force=options.force,
            deadline=options.deadline,
            cell_timeout=options.cell_timeout,
            on_cell=progress,
        )
    for remark in outcome.remarks:
        print(f"cxresearch: {one_line(remark)}", file=sys.stderr)
    if progress is not None:
        progress.end()
        print(one_line(outcome.finding))
        print(f"{outcome.status}: {outcome.folder / 'report.html'}")
    for alert in outcome.alerts:
        print(one_line(alert))
    # Told only when it has left this process; a pipe that was closed leaves it owed.
    sys.stdout.flush()
    settle_alerts(outcome)
    return outcome.code


def _rehearse(options: argparse.Namespace) -> int:
    from cxresearch.reporting.plan import plan_run
    from cxresearch.reporting.rehearsal.dry_run import REFUSED, rehearse

    settings = _settings(options.settings)
    plan = plan_run(options.report, study=options.study, parameters=settings, output=options.output)
    refused = 0
    for what, said in rehearse(plan):
        if what == REFUSED:
            refused += 1
            print(f"cxresearch: would be refused: {one_line(said)}", file=sys.stderr)
        else:
            print(f"{what:<12} {one_line(said)}")
    if refused:
        return ExitCode.DATA_REFUSED
    return ExitCode.DONE


def _run_each(options: argparse.Namespace) -> int:
    from cxresearch.reporting.run_each import BatchOptions, run_each

    talks = not options.quiet
    on_done = None
    if talks:
        on_done = _say_segment
    batch = run_each(
        options.report,
        options.each,
        study=options.study,
        parameters=_settings(options.settings),
        output=options.output,
        options=BatchOptions(
            workers=options.workers,
            warm=options.warm,
            smallest=options.smallest,
            force=options.force,
            deadline=options.deadline,
            cell_timeout=options.cell_timeout,
        ),
        on_done=on_done,
    )
    for outcome in batch.segments:
        if outcome.status == "failed":
            print(f"cxresearch: {one_line(f'{outcome.segment}: {outcome.message}')}", file=sys.stderr)
    if talks:
        print(one_line(f"summary: {batch.summary}"))
    return batch.code


def _say_segment(outcome: Any) -> None:
    print(one_line(f"{outcome.segment}: {outcome.status}, {outcome.seconds:.1f} s"))


def _list(_: argparse.Namespace) -> int:
    from cxresearch.reporting.notebook.catalogue import list_reports

    for report in list_reports():
        print(f"{report.name:<24} {report.title}")
    return ExitCode.DONE


def _describe(options: argparse.Namespace) -> int:
    from cxresearch.reporting.notebook.catalogue import find_report, read_notebook
    from cxresearch.reporting.notebook.parameters import read_parameters

    report = find_report(options.report)
    print(plain_lines(f"{report.name}: {report.title}\n{report.summary}\n\nParameters (--set name=value):"))
    for parameter in read_parameters(read_notebook(report.path), where=report.name):
        print(plain_lines(f"  {parameter}"))
    return ExitCode.DONE


def _add_history(commands: Any) -> None:
    verify = commands.add_parser("verify", help="make a run again and compare its content")
    verify.add_argument("run", metavar="RUN", help="folder of a published run, or latest")
    verify.add_argument("--deadline", metavar="SECONDS", type=float, default=3600.0, help="default: 3600")
    verify.add_argument("--notebook", metavar="PATH", help="the notebook, if it is neither ours nor beside")
    verify.set_defaults(call=_verify)
    diff = commands.add_parser("diff", help="say how two runs differ")
    diff.add_argument("runs", metavar="RUN", nargs="+", help="two folders of runs, or the name of a report")
    diff.add_argument("--output", metavar="FOLDER", default="reports", help="default: reports")
    diff.set_defaults(call=_diff)
    prune = commands.add_parser("prune", help="remove old runs")
    prune.add_argument("--keep", metavar="N", type=int, required=True, help="runs to keep of each report")
    prune.add_argument("--output", metavar="FOLDER", default="reports", help="default: reports")
    prune.set_defaults(call=_prune)


def _verify(options: argparse.Namespace) -> int:
    from pathlib import Path

    from cxresearch.reporting.verify_run import verify_run

    verification = verify_run(Path(options.run), deadline=options.deadline, notebook=options.notebook)
    print(plain_lines(verification))
    if verification.same:
        return ExitCode.DONE
    return ExitCode.DATA_REFUSED


def _diff(options: argparse.Namespace) -> int:
    from pathlib import Path

    from cxresearch.reporting.history import read_record
    from cxresearch.reporting.verify_run import describe_difference, latest_two

    if len(options.runs) > 2:
        raise usage_error(f"{len(options.runs)} runs are given", wanted="two runs, or the name of a report")
    folders = [Path(run) for run in options.runs]
    if len(folders) == 1:
        folders = list(latest_two(Path(options.output), options.runs[0]))
    before, after = map(read_record, folders)
    print(plain_lines("\n".join(describe_difference(before, after))))
    return ExitCode.DONE


def _prune(options: argparse.Namespace) -> int:
    from pathlib import Path

    from cxresearch.reporting.history import prune

    removed = prune(Path(options.output), keep=options.keep)
    if sys.stdout.isatty():
        print(f"removed {len(removed)} runs")
    return ExitCode.DONE


def _add_schedule(commands: Any) -> None:
    schedule = commands.add_parser("schedule", help="print what to paste to have a report made regularly")
    schedule.add_argument("report", help="name of a report, or path of a notebook")
    schedule.add_argument(
        "--as", metavar="SYSTEM", dest="system", default="cron", help="cron, systemd, github, airflow"
    )
    schedule.add_argument("--every", default="monday", help="hour, day, monday ... sunday, month, quarter")
    schedule.add_argument("--at", metavar="HH:MM", default="07:00", help="default: 07:00")
    schedule.add_argument("--study", metavar="PATH", help="study.toml or its folder")
    schedule.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], dest="settings")
    schedule.add_argument("--output", metavar="FOLDER", default="reports", help="default: reports")
    schedule.set_defaults(call=_schedule)


def _schedule(options: argparse.Namespace) -> int:
    from cxresearch.reporting.schedule import read_timing, schedule_text

    timing = read_timing(options.every, options.at)
    settings = _settings(options.settings)
    text = schedule_text(
        options.system,
        options.report,
        timing,
        study=options.study,
        parameters=settings,
        output=options.output,
    )
    print(text, end="")
    return ExitCode.DONE


def _add_study(commands: Any) -> None:
    check = commands.add_parser(
        "check", help="check a study: rows, rejects, what is missing for which report"
    )
    check.add_argument("study", metavar="STUDY", help="study.toml, or its folder")
    check.set_defaults(call=_check)
    init = commands.add_parser("init", help="write a first study.toml from the files in a folder")
    init.add_argument("folder", metavar="FOLDER", help="folder with CSV, TSV, Parquet or DuckDB files")
    init.add_argument("--until", metavar="DAY", default="", help="the day up to which the data are complete")
    init.add_argument("--json", action="store_true", help="print the choices as JSON")
    init.set_defaults(call=_init)


def _check(options: argparse.Namespace) -> int:
    from cxresearch.data.checking.check_study import check_study
    from cxresearch.data.checking.study_faults import study_faults
    from cxresearch.data.read_study import read_study
    from cxresearch.errors import StudyError

    try:
        study = read_study(options.study)
    except StudyError:
        faults = study_faults(options.study)
        if len(faults) < 2:
            raise
        print(f"cxresearch: {len(faults)} faults keep this study from being read:", file=sys.stderr)
        print("\n".join(f"- {one_line(str(fault))}" for fault in faults), file=sys.stderr)
        return ExitCode.DATA_REFUSED
    found = check_study(study)
    print(plain_lines(found))
    if found.usable:
        return ExitCode.DONE
    return ExitCode.DATA_REFUSED


def _add_customer(commands: Any) -> None:
    view = commands.add_parser(
        "customer",
        help="look at one customer: what happened, how they feel and since when, what is at stake",
        description="Prints the view of one customer. With --page it writes a private page (mode 0600).",
    )
    view.add_argument("customer_id", metavar="ID", help="as in the table customers")
    view.add_argument("--study", metavar="PATH", required=True, help="study.toml or its folder")
    view.add_argument("--score", metavar="NAME", help="the question; default: the NPS, or else the first")
    view.add_argument("--page", metavar="FILE", help="write a page that only you can read")
    view.add_argument("--words", action="store_true", help="show what they wrote, redacted")
    view.add_argument(
        "--no-risk",
        action="store_const",
        const="none",
        default="fit",
        dest="risk",
        help="do not fit a model of leaving: faster",
    )
    view.set_defaults(call=_customer)


def _customer(options: argparse.Namespace) -> int:
    from cxresearch.data.read_study import read_study
    from cxresearch.reporting.page.customer_page import write_customer_page
    from cxresearch.voice.customer.customer_view import customer

    study = read_study(options.study)
    view = customer(
        study,
        options.customer_id,
        options.score,
        words=options.words,
        risk=options.risk,
    )
    print(plain_lines(view))
    if options.page:
        path = write_customer_page(view, options.page, study_name=study.name)
        print(f"private page: {path}")
    return ExitCode.DONE


def _init(options: argparse.Namespace) -> int:
    import json

    from cxresearch.data.starter.write_starter import start_study

    choices = start_study(options.folder, until=options.until)
    if options.json:
        print(json.dumps(choices.to_dict(), ensure_ascii=False, indent=2))
        return ExitCode.DONE
    print(plain_lines(choices))
    path, folder = choices.path, choices.path.parent
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# not placed:"):
            print(one_line(line.removeprefix("# ")))
    marked = f"look at what is marked TODO check ({choices.todo})"
    if choices.blocking:
        print(f"wrote {path}; decide what is marked TODO ({choices.todo}), then: cxresearch check {folder}")
    else:
        print(f"wrote {path}; {marked}, then: cxresearch check {folder}")
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main())
