"""The contest on the RavenStack tables, whose satisfaction scores are random: nothing may win."""

from pathlib import Path

import pytest

import cxresearch as cx

RAVENSTACK = Path(__file__).parents[1] / "data" / "studies" / "ravenstack.toml"


@pytest.fixture(scope="module")
def ravenstack(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> cx.Study:
    path = tmp_path_factory.mktemp("ravenstack") / "study.toml"
    text = RAVENSTACK.read_text(encoding="utf-8")
    path.write_text(text.replace("{folder}", str(shared / "data" / "ravenstack")), encoding="utf-8")
    return cx.read_study(path)


def test_noise_wins_nothing(ravenstack: cx.Study) -> None:
    marks = cx.landmark(ravenstack, every="quarter", horizon_days=180)
    found = cx.compare(marks, ["effort", "csat"])
    assert found.verdict.startswith("inconclusive")
    for score in ("effort", "csat"):
        auc = found.auc(score)
        assert auc.low < 0.5 < auc.high
    assert "Neither is told apart from chance" in found.finding


def test_claims_on_real_tables(ravenstack: cx.Study) -> None:
    audit = cx.contest.audit_claims(ravenstack)
    assert audit.claim("csat_no_guide").verdict == "not testable"  # no NPS was asked
    assert audit.claim("repeat_customers_spend").verdict == "not testable"  # no orders
    assert {item.verdict for item in audit.claims} <= {
        "supported",
        "contradicted",
        "underpowered",
        "not testable",
    }
