"""The command line: parse, call, exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import cxresearch
from cxresearch.errors import CxError
from cxresearch.reporting.outcome import ExitCode, ReportError, usage_error
from cxresearch.reporting.signals import TerminatedError, end_on_sigterm


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; docs/scheduling.md lists them."""
    options = _parser().parse_args(arguments)
    end_on_sigterm()
    try:
        return int(options.call(options))
    except ReportError as error:
        return _fail(error, error.code)
    except CxError as error:
        return _fail(error, ExitCode.DATA_REFUSED)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was published", ExitCode.INTERRUPTED)
    except TerminatedError:
        return _fail("terminated; nothing was published", ExitCode.TERMINATED)


def _fail(message: object, code: ExitCode) -> int:
    print(f"cxresearch: {message}", file=sys.stderr)
    return int(code)


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
    return parser


def _add_run(commands: Any) -> None:
    run = commands.add_parser("run", help="make a report and publish it")
    run.add_argument("report", help="name of a report (see `cxresearch list`), or path of a notebook")
    run.add_argument("--study", metavar="PATH", help="study.toml or its folder; default: the built-in study")
    run.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], dest="settings")
    run.add_argument("--output", metavar="FOLDER", default="reports", help="default: reports")
    run.add_argument("--force", action="store_true", help="run even if nothing changed")
    run.add_argument("--deadline", metavar="SECONDS", type=float, default=3600.0, help="default: 3600")
    run.add_argument("--cell-timeout", metavar="SECONDS", type=float, help="default: none")
    run.add_argument("-v", "--verbose", action="store_true", help="say where the report is")
    run.set_defaults(call=_run)


def _settings(pairs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise usage_error(f"--set {pair!r} has no name or no value", wanted="--set name=value")
        if name in found:
            raise usage_error(f"parameter {name!r} is set twice")
        found[name] = value
    return found


def _run(options: argparse.Namespace) -> int:
    from cxresearch.reporting.run import run_report

    on_terminal = sys.stderr.isatty()
    outcome = run_report(
        options.report,
        study=options.study,
        parameters=_settings(options.settings),
        output=options.output,
        force=options.force,
        deadline=options.deadline,
        cell_timeout=options.cell_timeout,
        on_cell=_progress if on_terminal else None,
    )
    if on_terminal:
        print("\r\033[K", end="", file=sys.stderr)
    if on_terminal or options.verbose:
        print(f"{outcome.status}: {outcome.folder / 'report.html'}")
    for alert in outcome.alerts:
        print(alert)
    return outcome.code


def _progress(cell: int, count: int) -> None:
    print(f"\r\033[Kcell {cell} of {count}", end="", file=sys.stderr, flush=True)


def _list(_: argparse.Namespace) -> int:
    from cxresearch.reporting.catalogue import list_reports

    for report in list_reports():
        print(f"{report.name:<24} {report.title}")
    return ExitCode.DONE


def _describe(options: argparse.Namespace) -> int:
    from cxresearch.reporting.catalogue import find_report, read_notebook
    from cxresearch.reporting.parameters import read_parameters

    report = find_report(options.report)
    print(f"{report.name}: {report.title}\n{report.summary}\n\nParameters (--set name=value):")
    for parameter in read_parameters(read_notebook(report.path), where=report.name):
        print(f"  {parameter}")
    return ExitCode.DONE
