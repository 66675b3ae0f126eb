"""Fine and Gray's regression, against the Cox regression it becomes on complete and on expanded data."""

import numpy as np
import pandas as pd
import pytest

from cxresearch.errors import ArgumentError, DataError
from cxresearch.stats.hazards.cox import fit_cox
from cxresearch.stats.hazards.fine_gray import fine_gray


def drawn(
    seed: int, n: int = 300, beta: float = 0.7, censored: bool = True
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Fine and Gray's own simulation: F_1(t|x) = 1 - (1 - p (1 - exp(-t)))^exp(beta x)."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.integers(0, 2, n), rng.normal(size=n)])
    ratio = np.exp(beta * x[:, 0] - 0.5 * x[:, 1])
    p = 0.4
    first = rng.random(n) < 1 - (1 - p) ** ratio
    u = rng.random(n) * (1 - (1 - p) ** ratio)
    inside = 1 - (1 - (1 - u) ** (1 / ratio)) / p
    time = np.where(first, -np.log(np.clip(inside, 1e-300, 1)), rng.exponential(1 / np.exp(0.3 * x[:, 0])))
    kind = np.where(first, 1, 2)
    if censored:
        end = rng.uniform(0.2, 2.0, n)
        kind = np.where(time > end, 0, kind)
        time = np.minimum(time, end)
    return time, kind, pd.DataFrame(x, columns=["group", "z"])


def expanded(time: np.ndarray, kind: np.ndarray, x: pd.DataFrame) -> pd.DataFrame:
    """What R's finegray makes: people with a competing event stay, with weight G(t-)/G(T-), row by row."""
    ends = np.unique(time)
    at_risk = np.array([(time >= t).sum() for t in ends])
    events = np.array([((time == t) & (kind > 0)).sum() for t in ends])
    lost = np.array([((time == t) & (kind == 0)).sum() for t in ends])
    before = np.concatenate([[1.0], np.cumprod(1 - lost / np.maximum(at_risk - events, 1))[:-1]])
    g = dict(zip(ends, before, strict=True))
    causes = np.unique(time[kind == 1])
    parts = []
    for i in range(len(time)):
        parts.append((i, 0.0, time[i], int(kind[i] == 1), 1.0))
        if kind[i] > 1:
            start = time[i]
            for t in causes[causes > time[i]]:
                parts.append((i, start, t, 0, g[t] / g[time[i]]))
                start = t
    frame = pd.DataFrame(parts, columns=["id", "entry", "end", "event", "weight"])
    return pd.concat([frame, x.iloc[frame["id"]].reset_index(drop=True)], axis=1)


def test_without_another_kind_it_is_a_cox_regression() -> None:
    time, kind, x = drawn(1)
    kind = np.minimum(kind, 1)
    ours = fine_gray(time, kind, x, censoring="known")
    cox = fit_cox(time, kind, x, clusters=np.arange(len(time)))
    np.testing.assert_allclose(ours.coefficient, cox.coefficient, rtol=1e-10)
    np.testing.assert_allclose(ours.robust, cox.robust, rtol=1e-9)
    estimated = fine_gray(time, kind, x)
    np.testing.assert_allclose(estimated.robust, cox.robust, rtol=1e-9)


@pytest.mark.parametrize("tied", [False, True])
def test_complete_data_are_a_cox_regression_of_people_who_never_leave(tied: bool) -> None:
    time, kind, x = drawn(2, censored=False)
    if tied:
        time = np.ceil(10 * time)
    ours = fine_gray(time, kind, x)
    never = np.where(kind == 1, time, time.max() + 1)
    cox = fit_cox(never, kind == 1, x, clusters=np.arange(len(time)))
    np.testing.assert_allclose(ours.coefficient, cox.coefficient, rtol=1e-9)
    np.testing.assert_allclose(ours.robust, cox.robust, rtol=1e-8)
    assert ours.loglik == pytest.approx(cox.loglik, rel=1e-10)


@pytest.mark.parametrize("tied", [False, True])
def test_censored_data_equal_the_expanded_data_of_finegray(tied: bool) -> None:
    time, kind, x = drawn(3, n=120)
    if tied:
        time = np.ceil(12 * time)
    rows = expanded(time, kind, x)
    cox = fit_cox(
        rows["end"],
        rows["event"],
        rows[["group", "z"]],
        entry=rows["entry"],
        weights=rows["weight"],
        clusters=rows["id"],
    )
    ours = fine_gray(time, kind, x, censoring="known")
    np.testing.assert_allclose(ours.coefficient, cox.coefficient, rtol=1e-8)
    np.testing.assert_allclose(ours.robust, cox.robust, rtol=1e-7)
    assert ours.loglik == pytest.approx(cox.loglik, rel=1e-10)


def test_errors_with_estimated_censoring_are_those_of_a_little_more_weight() -> None:
    """One more copy of a row among 200 copies of all moves the coefficients, G and all, by its influence."""
    time, kind, x = drawn(4, n=60)
    copies = 200
    many = [np.tile(time, copies), np.tile(kind, copies), pd.concat([x] * copies, ignore_index=True)]
    start = fine_gray(*many, ties="breslow").coefficient
    moves = []
    for i in range(len(time)):
        more = fine_gray(
            np.append(many[0], time[i]),
            np.append(many[1], kind[i]),
            pd.concat([many[2], x.iloc[[i]]], ignore_index=True),
            ties="breslow",
        )
        moves.append(copies * (more.coefficient - start))
    expected = np.array(moves).T @ np.array(moves)
    estimated = fine_gray(time, kind, x, ties="breslow").robust
    known = fine_gray(time, kind, x, ties="breslow", censoring="known").robust
    np.testing.assert_allclose(estimated, expected, rtol=0.004)
    assert np.abs(known / expected - 1).max() > 0.01


def test_ties_are_efrons_or_breslows_and_alike_without_any() -> None:
    time, kind, x = drawn(5)
    efron, breslow = fine_gray(time, kind, x), fine_gray(time, kind, x, ties="breslow")
    np.testing.assert_allclose(efron.coefficient, breslow.coefficient, rtol=1e-10)
    coarse = np.ceil(5 * time)
    efron, breslow = fine_gray(coarse, kind, x), fine_gray(coarse, kind, x, ties="breslow")
    assert np.abs(breslow.coefficient[0]) < np.abs(efron.coefficient[0])


def test_names_clusters_and_refusals() -> None:
    time, kind, x = drawn(6)
    twice = fine_gray(
        np.tile(time, 2), np.tile(kind, 2), pd.concat([x, x]), clusters=np.tile(np.arange(len(time)), 2)
    )
    once = fine_gray(time, kind, x)
    np.testing.assert_allclose(twice.se, once.se, rtol=0.02)  # ties: Efron's sums move a little
    assert "Fine and Gray regression of event 1" in once.finding
    assert once.table["name"].tolist() == ["group", "z"]
    with pytest.raises(DataError, match="nobody has event 3"):
        fine_gray(time, kind, x, kind=3)
    with pytest.raises(ArgumentError, match="kind is 0"):
        fine_gray(time, kind, x, kind=0)
    with pytest.raises(ArgumentError, match="ties"):
        fine_gray(time, kind, x, ties="exact")


def melanoma(oracle_data) -> tuple[pd.Series, pd.Series, pd.DataFrame]:
    rows = pd.read_csv(oracle_data / "melanoma.csv")
    x = {"log_thick": rows["logthick"], "male": rows["sex"] == "Male", "ulcer": rows["ulcer"] == "present"}
    return rows["time"], rows["status"], pd.DataFrame(x).astype(float)


#: R 4.2.2, cmprsk 2.2-11: f <- crr(time, status, x, failcode = kind, gtol = 1e-12), x = log thickness, male,
#: ulcer; f$coef, sqrt(diag(f$var)), f$loglik. Days of the data; no two deaths on one day.
CRR = {
    1: (
        [0.514773405122500, 0.352553875166418, 0.912541869757758],
        [0.166135725438613, 0.280179345391818, 0.312020158678123],
        -266.517654771099,
    ),
    2: (
        [0.0618748687109899, 0.4558303023337339, 0.0898202613997405],
        [0.421375659929162, 0.542195201891343, 0.756258852391910],
        -69.2924066090262,
    ),
}
#: R 4.2.2, survival 3.5-3: fg <- finegray(Surv(time, factor(status, 0:2)) ~ ., data, etype = kind);
#: coxph(Surv(fgstart, fgstop, fgstatus) ~ logthick + male + ulc, fg, weights = fgwt, cluster = id,
#: ties = ties, eps = 1e-12): coefficients, robust errors, loglik. Time in whole half years (182.625 days).
FINEGRAY = {
    (1, "efron"): (
        [0.519100214916137, 0.334368529573024, 0.903430787872355],
        [0.165556383092759, 0.281373105825813, 0.314252839658174],
        -267.615828081539,
    ),
    (1, "breslow"): (
        [0.513262754926236, 0.325979139240792, 0.894273087048858],
        [0.162242957012921, 0.276344960300062, 0.310365876747647],
        -268.713026906886,
    ),
    (2, "efron"): (
        [0.0792019656398247, 0.4389134228444634, 0.0702290755900642],
        [0.421900211531172, 0.545254068906410, 0.762574432176889],
        -69.7984253091590,
    ),
    (2, "breslow"): (
        [0.0779702682955113, 0.4354540049134316, 0.0743432550200577],
        [0.419426432115786, 0.542061991474250, 0.756014209703384],
        -69.8368293207287,
    ),
}


@pytest.mark.parametrize("kind", [1, 2])
def test_it_is_crr_of_r(kind: int, oracle_data) -> None:
    """crr's errors leave small terms of the estimation of G out: they agree to 2e-5."""
    time, status, x = melanoma(oracle_data)
    coefficient, se, loglik = CRR[kind]
    fit = fine_gray(time, status, x, kind=kind, ties="breslow")
    np.testing.assert_allclose(fit.coefficient, coefficient, rtol=1e-9)
    np.testing.assert_allclose(fit.se, se, rtol=2e-5)
    assert fit.loglik == pytest.approx(loglik, rel=1e-12)


@pytest.mark.parametrize(("kind", "ties"), list(FINEGRAY))
def test_with_ties_it_is_coxph_of_finegray_of_r(kind: int, ties: str, oracle_data) -> None:
    time, status, x = melanoma(oracle_data)
    coefficient, se, loglik = FINEGRAY[kind, ties]
    fit = fine_gray(np.ceil(time / 182.625), status, x, kind=kind, ties=ties, censoring="known")
    np.testing.assert_allclose(fit.coefficient, coefficient, rtol=1e-9)
    np.testing.assert_allclose(fit.se, se, rtol=1e-9)
    assert fit.loglik == pytest.approx(loglik, rel=1e-12)


def test_its_criteria_are_those_of_r(oracle_data) -> None:
    """AIC(m) and BIC(m) of coxph of finegray data, kind 1, days."""
    fit = fine_gray(*melanoma(oracle_data))
    assert fit.criteria[["aic", "bic"]].iloc[0].tolist() == [fit.aic, fit.bic]
    assert (fit.aic, fit.bic) == pytest.approx((539.035309542199, 545.164463345703), rel=1e-12)


def covered(studies: int, n: int) -> float:
    hits = 0
    for seed in range(studies):
        row = fine_gray(*drawn(1_000 + seed, n=n)).table.iloc[0]
        hits += row["low"] <= np.exp(0.7) <= row["high"]
    return hits / studies


def test_intervals_cover_the_planted_ratio() -> None:
    assert 0.90 <= covered(150, 250) <= 1.0


@pytest.mark.slow
def test_intervals_cover_the_planted_ratio_in_2000_studies() -> None:
    share = covered(2_000, 300)
    print(f"Fine and Gray, 300 customers, 2,000 studies: 95 % intervals cover {100 * share:.1f} %")
    assert 0.935 <= share <= 0.965
