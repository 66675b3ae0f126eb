"""What `cxresearch schedule` prints is read by the systems it is meant for, or by their syntax."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
import sys
import types

import pytest
import yaml

import cxresearch
from cxresearch.reporting.outcome import ReportError
from cxresearch.reporting.schedule import EVERY, SYSTEMS, read_timing, schedule_text

AWKWARD = "50 % of \"plan\" $HOME 'x'"


@pytest.fixture
def path(notebook):
    return str(notebook(parameters="label: str = ''\ndays: int = 3", name="my report.ipynb"))


def text_for(system: str, path: str, every: str = "monday", **parameters: str) -> str:
    return schedule_text(system, path, read_timing(every, "07:05"), parameters=parameters)


def test_crontab_line(path) -> None:
    comment, mail, line = text_for("cron", path, label=AWKWARD).splitlines()
    assert comment.startswith("#") and mail.startswith("#")
    found = re.fullmatch(r"(\S+ \S+ \S+ \S+ \S+) (.+)", line)
    assert found and found[1] == "5 7 * * 1"
    assert not re.search(r"(?<!\\)%", found[2])  # cron ends the command at a bare %
    words = shlex.split(found[2].replace(r"\%", "%"))
    assert words[0] == "cd"
    assert f"label={AWKWARD}" in words


@pytest.mark.parametrize("every", EVERY)
def test_calendar_events_are_what_systemd_reads(every: str) -> None:
    timing = read_timing(every, "7:05")
    fields = timing.cron.split()
    assert len(fields) == 5
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(
        ["systemd-analyze", "calendar", timing.calendar], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_systemd_units_are_verified_by_systemd(path, tmp_path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    text = text_for("systemd", path, label=AWKWARD)
    service, timer = text.split("# ~/.config/systemd/user/")[1:]
    for part in (service, timer):
        name, body = part.split("\n", 1)
        (tmp_path / name).write_text(body)
    files = sorted(str(file) for file in tmp_path.glob("cxresearch-*"))
    assert [file.rsplit(".", 1)[1] for file in files] == ["service", "timer"]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files], capture_output=True, text=True, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if "cxresearch-my-report" in line]
    assert not complaints


def test_github_job_is_yaml_with_the_command_intact(path) -> None:
    job = yaml.safe_load(text_for("github", path, label=AWKWARD))
    assert job[True]["schedule"] == [{"cron": "5 7 * * 1"}]  # YAML reads the key `on` as true
    (command,) = [
        step["run"] for step in job["jobs"]["report"]["steps"] if step.get("run", "").startswith("cxresearch")
    ]
    assert f"label={AWKWARD}" in shlex.split(command)


def test_github_job_installs_nothing_by_a_name_on_an_index(path) -> None:
    steps = yaml.safe_load(text_for("github", path))["jobs"]["report"]["steps"]
    installed = [word for step in steps for word in shlex.split(step.get("run", "")) if "cxresearch" in word]
    assert installed[0] == f"wheels/cxresearch-{cxresearch.__version__}-py3-none-any.whl"


def test_github_expressions_in_a_value_are_refused(path) -> None:
    with pytest.raises(ReportError):
        text_for("github", path, label="${{ secrets.TOKEN }}")


def test_airflow_file_runs_against_the_signature_of_the_operator(path, monkeypatch, tmp_path) -> None:
    tasks: list[dict[str, object]] = []

    class DAG:
        def __init__(self, dag_id, *, schedule, start_date, catchup, max_active_runs): ...
        def __enter__(self):
            return self

        def __exit__(self, *_): ...

    def operator(*, task_id, input_nb=None, output_nb=None, parameters=None):
        tasks.append({"input": input_nb, "output": output_nb, "parameters": parameters})

    names = [
        "airflow",
        "airflow.providers",
        "airflow.providers.papermill",
        "airflow.providers.papermill.operators",
    ]
    for name in names:
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    last = types.ModuleType("airflow.providers.papermill.operators.papermill")
    last.PapermillOperator = operator  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, last.__name__, last)
    sys.modules["airflow"].DAG = DAG  # type: ignore[attr-defined]
    monkeypatch.setenv("CXRESEARCH_STAGING", "")
    monkeypatch.setenv("CXRESEARCH_BASE", "")
    monkeypatch.chdir(tmp_path)
    text = text_for("airflow", path, label=AWKWARD, days="7")
    ast.parse(text)
    exec(compile(text, "dag.py", "exec"), {})
    (task,) = tasks
    assert task["input"] == path
    assert task["parameters"] == {"label": AWKWARD, "days": 7}
    assert str(task["output"]).endswith("{{ ds_nodash }}.ipynb")


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_a_run_would_refuse_is_not_scheduled(path, system) -> None:
    with pytest.raises(ReportError):
        text_for(system, path, days="many")
    with pytest.raises(ReportError):
        text_for(system, path, label="two\nlines")


@pytest.mark.parametrize(
    ("every", "at"), [("fortnight", "07:00"), ("day", "24:00"), ("day", "7"), ("day", "07:60")]
)
def test_times_that_are_none(every: str, at: str) -> None:
    with pytest.raises(ReportError):
        read_timing(every, at)
