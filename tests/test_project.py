"""The project's own files: locks, licence, and a wheel that carries the report notebooks."""

import os
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-spark.lock"])
def test_lock_is_hashed_and_names_no_registry_host(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    pins = re.findall(r"^[A-Za-z0-9_.\-\[\]]+==\S+", text, flags=re.MULTILINE)
    assert len(pins) > 100
    assert text.count("--hash=sha256:") >= len(pins)
    assert "://" not in text


def test_lock_covers_every_run_time_dependency() -> None:
    import tomllib

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for requirement in declared:
        name = re.split(r"[>=<\[]", requirement)[0]
        assert re.search(rf"^{re.escape(name)}==", locked, flags=re.MULTILINE), f"{name} is not locked"


#: Locked for other machines or for reading addresses, and perhaps not installed: as their projects declare.
ELSEWHERE = {
    "aiohappyeyeballs": "PSF-2.0",
    "aiohttp": "Apache-2.0 AND MIT",
    "aiosignal": "Apache-2.0",
    "appnope": "BSD-2-Clause",
    "colorama": "BSD-3-Clause",
    "frozenlist": "Apache-2.0",
    "multidict": "Apache-2.0",
    "propcache": "Apache-2.0",
    "pywinpty": "MIT",
    "yarl": "Apache-2.0",
}
#: GPL, AGPL and what binds users alike; the LGPL of a library that is only called does not.
_BINDING = re.compile(
    r"\bA?GPL|(?<!Lesser )General Public|Affero|\bSSPL|\bEUPL|Server Side Public|Commons Clause",
    re.IGNORECASE,
)


def licence_of(name: str) -> str:
    """What a distribution declares, in whichever of the three places."""
    declared = metadata.distribution(name).metadata
    classifiers = [text for text in declared.get_all("Classifier") or [] if text.startswith("License")]
    # The field License may hold the whole text; its first line names it.
    free = (declared.get("License") or "").strip().split("\n")[0]
    return " | ".join(filter(None, [declared.get("License-Expression") or "", *classifiers, free]))


def licences_at_run_time() -> dict[str, str]:
    """Declared licence of every distribution that installing cxresearch brings along."""
    licences: dict[str, str] = {}
    pending = ["cxresearch"]
    while pending:
        name = pending.pop().lower().replace("_", "-")
        if name in licences:
            continue
        licences[name] = licence_of(name)
        for text in metadata.distribution(name).requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                pending.append(requirement.name)
    return licences


def test_no_gpl_dependency_at_run_time() -> None:
    licences = licences_at_run_time()
    assert {"lifelines", "scikit-learn", "papermill"} <= set(licences)
    for name, licence in licences.items():
        assert licence, f"{name} declares no licence"
        assert not _BINDING.search(licence), f"{name}: {licence}"


def test_every_pin_of_the_lock_declares_a_licence_that_binds_no_user() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([A-Za-z0-9_.\-]+)(?:\[.*\])?==", text, flags=re.MULTILINE)
    assert len(pins) > 100
    for name in pins:
        try:
            licence = licence_of(name)
        except metadata.PackageNotFoundError:
            licence = ELSEWHERE.get(name, "")
        assert licence, f"{name} is locked, and its licence is not known"
        assert not _BINDING.search(licence), f"{name}: {licence}"


@pytest.mark.parametrize(
    "licence",
    ["GPL-3.0-only", "AGPL-3.0", "License :: OSI Approved :: GNU General Public License v3", "SSPL-1.0"],
)
def test_licences_that_bind_are_recognised(licence: str) -> None:
    assert _BINDING.search(licence)
    assert not _BINDING.search("LGPL-3.0 | GNU Lesser General Public License | MIT")


def test_wheel_carries_report_notebooks_and_templates(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, check=True, cwd=ROOT, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"cxresearch/__init__.pyi", "cxresearch/py.typed"} <= names
    templates = (ROOT / "cxresearch").rglob("*.j2")
    assert {path.relative_to(ROOT).as_posix() for path in templates} <= names
    for notebook in (ROOT / "notebooks" / "report").glob("*.ipynb"):
        assert f"cxresearch/reporting/notebooks/{notebook.name}" in names
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)


def test_wheel_installs_and_runs(tmp_path: Path) -> None:
    """From an empty folder, without the sources: a number, the list of reports, a report."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, check=True, cwd=ROOT, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([*install, str(site), str(wheel)], check=True, capture_output=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(site), "HOME": str(tmp_path)}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=elsewhere,
            env=environment,
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    place, value = run(
        "-c", "import cxresearch as cx; print(cx.__file__); print(cx.nps([10, 9, 9, 0]).value)"
    ).splitlines()
    assert Path(place).is_relative_to(site)
    assert float(value) == 50.0
    assert "ces-vs-nps" in run("-m", "cxresearch", "list")
    run("-m", "cxresearch", "run", "churn-curves", "--set", "customers=800")
    (page,) = elsewhere.glob("reports/churn-curves/*/latest/report.html")
    assert "Who stays longer" in page.read_text(encoding="utf-8")
