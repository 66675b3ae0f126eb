"""Design-based estimates against R's survey package, 4.1-1 under R 4.2.2 (California schools)."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.design.design_share import design_share
from cxresearch.stats.design.raking import rake_weights
from cxresearch.stats.design.survey_design import design_mean, design_ratio, survey_design


def net(score: pd.Series) -> np.ndarray:
    return (score >= 9).to_numpy(dtype=float) - (score <= 6).to_numpy(dtype=float)


@pytest.fixture
def strat(oracle_data: Path) -> pd.DataFrame:
    return pd.read_csv(oracle_data / "apistrat.csv")


@pytest.fixture
def clus(oracle_data: Path) -> pd.DataFrame:
    return pd.read_csv(oracle_data / "apiclus1.csv")


@pytest.fixture
def srs(oracle_data: Path) -> pd.DataFrame:
    return pd.read_csv(oracle_data / "apisrs.csv")


def stratified(table: pd.DataFrame, *, fpc: bool = True):
    return survey_design(
        len(table),
        weights=table["pw"],
        strata=table["stype"],
        population=table["fpc"] if fpc else None,
    )


def test_strata(strat: pd.DataFrame) -> None:
    """svydesign(id = ~1, strata = ~stype, weights = ~pw, fpc = ~fpc); svymean."""
    found = design_mean(100 * net(strat["nps10"]), stratified(strat))
    assert found.value == pytest.approx(-65.7988377829385, abs=1e-9)
    assert found.se == pytest.approx(4.81282696150109, abs=1e-9)
    assert found.design_effect == pytest.approx(1.25975392277364, rel=1e-6)
    without = design_mean(100 * net(strat["nps10"]), stratified(strat, fpc=False))
    assert without.se == pytest.approx(4.87506495207494, abs=1e-9)
    mean = design_mean(strat["api00"], stratified(strat))
    assert (mean.value, mean.se) == pytest.approx((662.287363159321, 9.40894080278458), abs=1e-9)


def test_z_limits_of_r(strat: pd.DataFrame) -> None:
    """R's confint(svymean) uses z; ours t on clusters - strata."""
    mean = design_mean(strat["api00"], stratified(strat))
    assert mean.value - 1.959963984540054 * mean.se == pytest.approx(643.846178053194, abs=1e-8)
    assert mean.df == 197 and mean.low < 643.846178053194


def test_clusters(clus: pd.DataFrame) -> None:
    design = survey_design(len(clus), weights=clus["pw"], clusters=clus["dnum"], population=clus["fpc"])
    found = design_mean(100 * net(clus["nps10"]), design)
    assert (found.value, found.se) == pytest.approx((-83.6065573770492, 4.82298082083941), abs=1e-9)
    assert found.df == 14
    ratio = design_ratio(clus["api00"], clus["api99"], design)
    assert (ratio.value, ratio.se) == pytest.approx((1.0612728107529, 0.00623083121660941), abs=1e-12)
    mean = design_mean(clus["api00"], design)
    assert (mean.value, mean.se) == pytest.approx((644.169398907104, 23.542240693781), abs=1e-9)
    for method, ends in (
        ("logit", (0.823798892379034, 0.911900077021223)),
        ("beta", (0.823702210847501, 0.914704492126865)),
    ):
        share = design_share(clus["met"], design, method=method)  # type: ignore[arg-type]
        assert (share.low, share.high) == pytest.approx(ends, abs=1e-8)


@pytest.mark.parametrize(
    ("method", "ends"),
    [  # svyciprop(~met, design, method = ..., df = degf(design))
        ("logit", (0.774539654351568, 0.870814854544508)),
        ("xlogit", (0.774539654746768, 0.870814854943599)),
        ("beta", (0.774171328597313, 0.873431592620735)),
        ("mean", (0.779938180972881, 0.875957841858766)),
        ("asin", (0.77741790823432, 0.873178834149903)),
    ],
)
def test_share_intervals(strat: pd.DataFrame, method: Any, ends: tuple[float, float]) -> None:
    found = design_share(strat["met"], stratified(strat), method=method)
    assert found.value == pytest.approx(0.827948011415824, abs=1e-12)
    assert (found.low, found.high) == pytest.approx(ends, abs=1e-8)


@pytest.mark.parametrize(
    ("stype", "value", "se"),
    [("E", -60, 6.43930392517305), ("H", -86, 5.52872800523401), ("M", -76, 7.66049164166198)],
)
def test_domains(strat: pd.DataFrame, stype: str, value: float, se: float) -> None:
    """svyby(~y, ~stype, design, svymean)."""
    found = design_mean(100 * net(strat["nps10"]), stratified(strat), domain=strat["stype"] == stype)
    assert (found.value, found.se) == pytest.approx((value, se), abs=1e-9)


def test_domain_is_not_a_subset(clus: pd.DataFrame) -> None:
    """Dropping the other rows first would forget the clusters without any of them."""
    design = survey_design(len(clus), weights=clus["pw"], clusters=clus["dnum"])
    inside = clus["stype"] == "H"
    right = design_mean(clus["api00"], design, domain=inside)
    part = clus[inside]
    wrong = design_mean(part["api00"], survey_design(len(part), weights=part["pw"], clusters=part["dnum"]))
    assert right.value == pytest.approx(wrong.value)
    assert right.se != pytest.approx(wrong.se, rel=1e-6) and right.df > wrong.df


def srs_design(srs: pd.DataFrame):
    return survey_design(len(srs), weights=srs["pw"], population=srs["fpc"])


def test_post_stratification(srs: pd.DataFrame) -> None:
    """postStratify(design, ~stype, c(E = 4421, H = 755, M = 1018)); svymean."""
    design = rake_weights(srs_design(srs), {"stype": (srs["stype"], {"E": 4421, "H": 755, "M": 1018})})
    found = design_mean(100 * net(srs["nps10"]), design)
    assert (found.value, found.se) == pytest.approx((-66.91675173102, 4.21994668357757), abs=1e-9)
    mean = design_mean(srs["api00"], design)
    assert (mean.value, mean.se) == pytest.approx((656.781580952531, 9.15653816164697), abs=1e-9)
    weights = pd.Series(design.weights).groupby(srs["stype"]).first()
    assert weights.tolist() == pytest.approx([31.1338028169014, 30.2, 30.8484848484848])


def test_raking(srs: pd.DataFrame, r_reference: dict[str, Any]) -> None:
    """rake(design, list(~stype, ~met), margins): R stops after four rounds, within one person of the margins.

    There weights and estimate agree to the last digit. R takes the margins out of the variance as often as it
    raked, we until nothing is left: hence the fifth digit of the error.
    """
    case = r_reference["15_survey:svy_rake"]["values"]
    margins = {
        "stype": (srs["stype"], {"E": 4421, "H": 755, "M": 1018}),
        "met": (srs["met"], {0: 1072, 1: 5122}),
    }
    early = rake_weights(srs_design(srs), margins, tolerance=1e-4)
    assert early.weights[:6] == pytest.approx(case["w_first6"], abs=1e-9)
    found = design_mean(100 * net(srs["nps10"]), early)
    assert found.value == pytest.approx(-66.7203334150819, abs=1e-9)
    assert found.se == pytest.approx(4.2215978668595, abs=1e-4)
    settled = design_mean(100 * net(srs["nps10"]), rake_weights(srs_design(srs), margins))
    assert (settled.value, settled.se) == pytest.approx((-66.7203334150819, 4.2215978668595), abs=2e-4)


def test_raking_reproduces_margins_and_refuses_nonsense() -> None:
    rng = np.random.default_rng(3)
    sex, age = rng.choice(["f", "m"], 300, p=[0.7, 0.3]), rng.choice([1, 2, 3], 300)
    totals = {"f": 520.0, "m": 480.0}, {1: 200.0, 2: 300.0, 3: 500.0}
    design = rake_weights(survey_design(300), {"sex": (sex, totals[0]), "age": (age, totals[1])})
    assert pd.Series(design.weights).groupby(sex).sum().to_dict() == pytest.approx(totals[0])
    assert pd.Series(design.weights).groupby(age).sum().to_dict() == pytest.approx(totals[1])
    constant = design_mean((sex == "f").astype(float), design)
    assert constant.value == pytest.approx(0.52) and constant.se == pytest.approx(0, abs=1e-9)
    with pytest.raises(ArgumentError, match="different totals"):
        rake_weights(survey_design(300), {"sex": (sex, totals[0]), "age": (age, {1: 1.0, 2: 1.0, 3: 1.0})})
    with pytest.raises(ArgumentError, match="no total for label"):
        rake_weights(survey_design(300), {"sex": (sex, {"f": 1.0})})
    with pytest.raises(DataError, match="nobody"):
        rake_weights(survey_design(300), {"sex": (sex, {"f": 1.0, "m": 1.0, "x": 1.0})})


def test_bad_designs() -> None:
    with pytest.raises(DataError, match="single cluster"):
        survey_design(3, strata=["a", "a", "b"])
    with pytest.raises(ArgumentError, match="smaller than the sample"):
        survey_design(3, population=[2, 2, 2])
    with pytest.raises(ArgumentError, match="missing labels"):
        survey_design(2, clusters=["a", None])
    with pytest.raises(DataError, match="domain is empty"):
        design_mean([1.0, 2.0], survey_design(2), domain=[False, False])
    with pytest.raises(ArgumentError, match="true or false"):
        design_mean([1.0, 2.0], survey_design(2), domain=[0, 1])


def test_clusters_of_weight_zero_give_no_degrees_of_freedom() -> None:
    """As R's degf: clusters and strata with a weight above 0 only."""
    weights = [1.0, 2, 1, 0, 0, 0, 0, 0]
    design = survey_design(8, weights=weights, clusters=[1, 2, 3, 4, 5, 6, 7, 8], strata=list("aaaabbbb"))
    assert design.df == 3 - 1
    assert survey_design(8, clusters=list("aabbccdd"), weights=[1, 1, 1, 0, 1, 1, 0, 0]).df == 3 - 1
    found = design_share([1, 0, 1, 0, 0, 0, 0, 0], design, method="mean")
    assert found.high - found.value == pytest.approx(4.30265 * found.se, rel=1e-5)


@pytest.mark.parametrize("wrong", [2, 0.5, -1])
def test_a_share_is_of_zeros_and_ones(wrong: float) -> None:
    with pytest.raises(ArgumentError, match=r"position 1.*0 or 1"):
        design_share([1, wrong, 0], survey_design(3))
    inside = design_share([1, wrong, 0], survey_design(3), domain=[True, False, True])
    assert inside.value == pytest.approx(0.5)
