"""Revenue rates against published cases, closed forms and brute force over customers."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import cxresearch as cx
from cxresearch.errors import ArgumentError, CxWarning, DataError
from cxresearch.metrics.revenue.revenue_metrics import metrics_of
from cxresearch.stats.intervals.net_ratio import MoveSums, gain_ratios, net_ratios
from cxresearch.stats.intervals.ratio import (
    RatioSums,
    linearised_ratio,
    linearised_ratios,
    poisson_rate,
)


def study_of(
    rows: list[tuple[Any, ...]], until: str = "2024-04-10", columns: str = "", **more: Any
) -> cx.Study:
    frame = pd.DataFrame(rows, columns=(columns or "customer_id effective_at mrr").split())
    frame["effective_at"] = pd.to_datetime(frame["effective_at"], format="ISO8601")
    tables = {"revenue": frame} | more.pop("tables", {})
    return cx.Study.from_frames(tables, observed_until=until, instruments={}, currency="EUR", **more)


def ten_customers() -> cx.Study:
    """Opening 100; one of 10 leaves, two lose 5 each, one gains 10: ChartMogul's published example."""
    rows = [(f"c{number}", "2024-01-10", 10.0) for number in range(10)]
    rows += [
        ("c0", "2024-02-10", 0.0),
        ("c1", "2024-02-10", 5.0),
        ("c2", "2024-02-10", 5.0),
        ("c3", "2024-02-10", 20.0),
    ]
    return study_of(rows)


class TestPublishedCase:
    def test_gross_and_net_churn(self) -> None:
        study = ten_customers()
        assert cx.metric(study, "gross_revenue_churn", period="2024-02").value == pytest.approx(0.20)
        assert cx.metric(study, "net_revenue_churn", period="2024-02").value == pytest.approx(0.10)
        assert cx.metric(study, "gross_revenue_retention", period="2024-02").value == pytest.approx(0.80)
        assert cx.metric(study, "net_revenue_retention", period="2024-02").value == pytest.approx(0.90)
        assert cx.metric(study, "expansion", period="2024-02").value == pytest.approx(0.10)
        assert cx.metric(study, "quick_ratio", period="2024-02").value == pytest.approx(0.5)

    def test_articles_call_downgrades_gross_churn_and_divide_expansion_by_new(self) -> None:
        rows = [("a", "2024-01-10", 100.0), ("a", "2024-02-10", 90.0), ("b", "2024-01-10", 20.0)]
        rows += [
            ("b", "2024-02-10", 0.0),
            ("d", "2024-01-10", 10.0),
            ("d", "2024-02-10", 20.0),
            ("e", "2024-02-11", 40.0),
        ]
        with pytest.warns(CxWarning):
            got = cx.metric(
                study_of(rows), "gross_revenue_churn", period="2024-02", options={"profile": "articles"}
            )
        assert got.value == pytest.approx(10 / 130)
        assert cx.metric(
            study_of(rows), "expansion", period="2024-02", options={"profile": "articles"}
        ).value == pytest.approx(10 / 40)

    def test_chartmogul_and_stripe_offset_reactivation(self) -> None:
        rows = [(f"c{number}", "2024-01-10", 10.0) for number in range(20)]
        rows += [
            ("c0", "2024-02-10", 0.0),
            ("x", "2024-01-01", 5.0),
            ("x", "2024-01-15", 0.0),
            ("x", "2024-02-15", 4.0),
        ]
        study = study_of(rows)
        assert cx.metric(study, "net_revenue_churn", period="2024-02").value == pytest.approx(10 / 200)
        assert cx.metric(
            study, "net_revenue_churn", period="2024-02", options={"profile": "chartmogul"}
        ).value == pytest.approx(6 / 200)
        assert cx.metric(
            study, "net_revenue_retention", period="2024-02", options={"profile": "stripe"}
        ).value == pytest.approx(194 / 200)

    def test_annual_plan(self) -> None:
        assert cx.revenue.monthly_amount(2000, per="year") == pytest.approx(166.67, abs=0.005)
        with pytest.raises(ArgumentError, match="per is"):
            cx.revenue.monthly_amount(1, per="fortnight")

    def test_annualise(self) -> None:
        assert cx.revenue.annualise(0.05) == pytest.approx(1 - 0.95**12)
        assert cx.revenue.annualise(0.0) == 0.0
        with pytest.raises(ArgumentError, match="not 5"):
            cx.revenue.annualise(5)


class TestIntervals:
    def test_linearised_se_is_the_textbook_one(self) -> None:
        rng = np.random.default_rng(3)
        s = rng.lognormal(3, 1, 200)
        x = s * (rng.random(200) < 0.2)
        found = linearised_ratio(RatioSums.of(x, s))
        residual = x - found.value * s
        assert found.se == pytest.approx(np.sqrt(200 * residual.var(ddof=1) / s.sum() ** 2), rel=1e-10)

    def test_share_of_equal_customers_is_wilson(self) -> None:
        # scipy 1.17: binomtest(7, 40).proportion_ci(method="wilson") is (0.0875, 0.3195) with z
        found = linearised_ratio(RatioSums.of([1] * 7 + [0] * 33, [1] * 40))
        assert found.low == pytest.approx(0.0875, abs=0.004)
        assert found.high == pytest.approx(0.3195, abs=0.008)

    def test_nothing_lost_still_has_an_upper_end(self) -> None:
        found = linearised_ratio(RatioSums.of([0] * 20, [5] * 20))
        assert found.low == 0.0
        assert 0.1 < found.high < 0.25

    def test_scale_and_order_do_not_matter(self) -> None:
        x, s = [0, 2, 0, 5, 1], [3, 4, 5, 6, 7]
        one = linearised_ratio(RatioSums.of(x, s))
        two = linearised_ratio(RatioSums.of([100 * v for v in x[::-1]], [100 * v for v in s[::-1]]))
        np.testing.assert_allclose([one.value, one.low, one.high], [two.value, two.low, two.high])

    def test_one_customer_has_no_interval(self) -> None:
        found = linearised_ratio(RatioSums.of([1.0], [2.0]))
        assert found.value == 0.5
        assert np.isnan([found.low, found.high, found.se]).all()

    def test_many_cells_equal_one_by_one(self) -> None:
        cells = [RatioSums.of([0, 1, 2], [4, 5, 6]), RatioSums.of([0, 0], [1, 1]), RatioSums.of([], [])]
        many = linearised_ratios(
            **{
                name: [getattr(cell, name) for cell in cells]
                for name in ("x", "s", "xx", "xs", "ss", "n", "relative")
            }
        )
        for row, cell in zip(many.itertuples(), cells, strict=True):
            one = linearised_ratio(cell)
            np.testing.assert_array_equal([row.value, row.low, row.high], [one.value, one.low, one.high])

    def test_bootstrap_agrees_with_linearisation(self) -> None:
        rng = np.random.default_rng(11)
        s = rng.lognormal(3, 0.5, 400)
        x = s * (rng.random(400) < 0.3)
        line = linearised_ratio(RatioSums.of(x, s))
        boot = stats.bootstrap(
            (x, s),
            lambda x, s, axis: x.sum(axis=axis) / s.sum(axis=axis),
            paired=True,
            n_resamples=2_000,
            method="percentile",
            rng=4,
        )
        assert boot.standard_error == pytest.approx(line.se, rel=0.06)
        np.testing.assert_allclose(boot.confidence_interval, [line.low, line.high], atol=0.006)

    def test_poisson_is_exact(self) -> None:
        # qchisq(.025, 20) / 200 and qchisq(.975, 22) / 200, as R's poisson.test does it
        np.testing.assert_allclose(poisson_rate(10, 100), (0.1, 0.04795389, 0.18390356), atol=1e-8)
        assert poisson_rate(0, 10)[1] == 0.0

    @pytest.mark.parametrize(
        ("events", "exposure"),
        [(1.5, 10), (-1, 10), ("3", 10), (True, 10), (3, -1), (3, "10"), (3, np.nan), (3, np.inf)],
    )
    def test_poisson_says_what_it_cannot_use(self, events: Any, exposure: Any) -> None:
        with pytest.raises(ArgumentError, match=r"events is|exposure is"):
            poisson_rate(events, exposure)

    def test_nobody_at_risk_has_no_rate(self) -> None:
        assert np.isnan(poisson_rate(0, 0)).all()

    @pytest.mark.parametrize(
        ("x", "s"),
        [([-1, 5], [2, 2]), ([-1, 1, 1], [9, 9, 9]), ([9, 0, 0], [1, 20, 20]), ([3, 3], [2, 2]), ([1], [0])],
    )
    def test_a_share_lies_between_nothing_and_all(self, x: list[float], s: list[float]) -> None:
        with pytest.raises(ArgumentError, match="no share"):
            linearised_ratio(RatioSums.of(x, s))
        if min(x) >= 0 and sum(x) > sum(s):  # many cells at once come as sums only
            cell = {name: [value] for name, value in asdict(RatioSums.of(x, s)).items() if name != "parts"}
            with pytest.raises(ArgumentError, match=r"no share \(cell 0\)"):
                linearised_ratios(**cell)

    def test_denominators_are_not_negative(self) -> None:
        with pytest.raises(ArgumentError, match=r"s is -5 \(position 1\)"):
            RatioSums.of([1, 2], [10, -5])
        with pytest.raises(ArgumentError, match="lengths differ"):
            RatioSums.of([1, 2, 3], [10, 5])

    @pytest.mark.parametrize("profile", ["cxresearch", "stripe"])
    def test_sums_of_the_bridge_give_what_the_customers_give(self, profile: str) -> None:
        rng = np.random.default_rng(8)
        rows = [(f"c{number}", "2024-01-10", float(rng.integers(5, 60))) for number in range(40)]
        rows += [
            (f"c{number}", f"2024-02-{day:02}", float(rng.integers(0, 3) * 15))
            for number in range(25)
            for day in (5, 20)
        ]
        study = study_of(rows)
        frame = pd.DataFrame(rows, columns=["who", "at", "mrr"]).sort_values(["who", "at"])
        opening = frame[frame["at"] < "2024-02"].groupby("who")["mrr"].last()
        later = frame[frame["at"] >= "2024-02"]
        if profile == "cxresearch":
            change = later.groupby("who")["mrr"].last().reindex(opening.index).fillna(opening) - opening
            lost, won = (-change).clip(lower=0), change.clip(lower=0)
            leavers = int((lost > 0).sum())
        else:
            steps = frame.assign(change=frame.groupby("who")["mrr"].diff())[frame["at"] >= "2024-02"]
            down, up = (-steps["change"]).clip(lower=0), steps["change"].clip(lower=0)
            lost, won = (
                part.groupby(steps["who"]).sum().reindex(opening.index).fillna(0) for part in (down, up)
            )
            left = (steps["mrr"] == 0) & (down > 0)
            leavers = sum(steps[kind & (down > 0)]["who"].nunique() for kind in (left, ~left))
        gross = cx.metric(study, "gross_revenue_churn", period="2024-02", options={"profile": profile})
        sums = RatioSums.of(lost, opening)
        share = profile == "cxresearch"
        losses = moves_of(lost, opening, movers=leavers)
        base = {"s": [sums.s], "ss": [sums.ss], "n": [sums.n]}
        wanted = linearised_ratio(sums) if share else gain_ratios(losses, **base).iloc[0]
        np.testing.assert_allclose(
            [gross.value, gross.se, gross.high], [wanted.value, wanted.se, wanted.high]
        )
        got = cx.metric(study, "net_revenue_churn", period="2024-02", options={"profile": profile})
        if not share:  # a return within the period is reactivation, and counts as a mover of its own
            back = (steps["change"] > 0) & (steps.groupby("who")["mrr"].shift(1) == 0)
            movers = sum(steps[kind & (up > 0)]["who"].nunique() for kind in (back, ~back))
        else:
            movers = int((won > 0).sum())
        gains = moves_of(won, opening, movers=movers)
        wanted = net_ratios(losses, gains, cross=[float(lost @ won)], **base, share=share).iloc[0]
        np.testing.assert_allclose(
            [got.value, got.se, got.low, got.high],
            [wanted.value, wanted.se, wanted.low, wanted.high],
            atol=1e-12,
        )
        kept = cx.metric(study, "net_revenue_retention", period="2024-02", options={"profile": profile})
        np.testing.assert_allclose(
            [kept.value, kept.low, kept.high], [1 - got.value, 1 - got.high, 1 - got.low], atol=1e-12
        )

    def test_net_intervals_are_bounded_and_know_what_did_not_happen(self) -> None:
        quiet = study_of([(f"c{number}", "2024-01-10", 10.0) for number in range(10)])
        found = cx.metric(quiet, "net_revenue_churn", period="2024-02")
        assert found.value == 0.0
        assert -0.5 < found.low < -0.2
        assert 0.2 < found.high < 0.5
        one_large = study_of([(f"c{number}", "2024-01-10", 10.0 + 500 * (number < 2)) for number in range(9)])
        with pytest.warns(CxWarning, match="few accounts"):
            found = cx.metric(one_large, "net_revenue_retention", period="2024-02")
        assert np.isfinite([found.low, found.high]).all()
        assert found.low >= 0

    @pytest.mark.filterwarnings("ignore:one account holds")
    @pytest.mark.parametrize("profile", list(cx.revenue.REVENUE_PROFILES))
    def test_nobody_keeps_less_than_nothing(self, profile: str) -> None:
        """Six customers: five leave, three return at twice the price and stay, or leave again."""
        rows = [(f"c{number}", "2024-01-10", 10.0) for number in range(6)]
        rows += [(f"c{number}", "2024-02-05", 0.0) for number in range(5)]
        rows += [(f"c{number}", "2024-02-08", 20.0) for number in range(3)]
        gone = [(f"c{number}", "2024-02-20", 0.0) for number in range(3)]
        every_change = profile in ("chartmogul", "stripe", "baremetrics")
        gross_lost, back = ((50, 110), 60) if every_change else ((20, 50), 0)
        gained = 0 if profile == "baremetrics" else back if every_change else 30
        for leaves, lost in enumerate(gross_lost):
            study = study_of(rows + gone * leaves)
            won = 0 if leaves and not every_change else gained
            for name, kept in (("gross", 60 - lost), ("net", 60 - lost + won)):
                metric = f"{name}_revenue_retention"
                one = cx.metric(study, metric, period="2024-02", options={"profile": profile})
                assert one.value == pytest.approx(max(kept, 0) / 60)
                assert 0 <= one.low <= one.value <= one.high
                assert ("at least 0" in one.method) == every_change
                table = cx.metric_table(study, metric, every="month", options={"profile": profile})
                cell = table[table["period"] == "2024-02-01"].iloc[0]
                found = (cell["value"], cell["low"], cell["high"])
                assert found == pytest.approx((one.value, one.low, one.high), rel=1e-12)


def moves_of(x: pd.Series, opening: pd.Series, *, movers: int) -> MoveSums:
    return MoveSums(
        x=[x.sum()], xx=[(x * x).sum()], xs=[(x * opening).sum()], movers=[movers],
        relative=[(x * x / opening).sum()],
    )  # fmt: skip


class TestScope:
    def test_a_large_account_is_said(self) -> None:
        rows = [(f"c{number}", "2024-01-10", 10.0) for number in range(20)] + [("big", "2024-01-10", 100.0)]
        with pytest.warns(CxWarning, match="one account holds 33 %"):
            got = cx.metric(study_of(rows), "net_revenue_retention", period="2024-02")
        assert "33 %" in got.note
        assert got.n_effective < 8

    def test_groups(self) -> None:
        people = pd.DataFrame(
            {"customer_id": [f"c{n}" for n in range(10)], "started_at": pd.Timestamp("2024-01-01")}
        )
        people["size"] = ["small"] * 4 + ["large"] * 6
        rows = [(f"c{number}", "2024-01-10", 10.0) for number in range(10)] + [("c0", "2024-02-10", 0.0)]
        study = study_of(rows, tables={"customers": people})
        sizes = cx.metric(study, "gross_revenue_churn", period="2024-02", by="size")
        assert np.isnan(sizes["small"].value) and sizes["small"].note == "too few answers to show"
        table = cx.revenue.revenue_rates(study, by=["size"])
        small = table[(table["size"] == "small") & (table["metric"] == "gross_revenue_churn")]
        assert small["value"].tolist() == [0.25, 0.0]

    def test_a_bridge_serves_all_rates(self) -> None:
        study = ten_customers()
        bridge = cx.revenue.mrr_bridge(study)
        rates = cx.revenue.revenue_rates(bridge)
        february = rates[rates["period"] == "2024-02-01"].set_index("metric")
        for name, value in february["value"].items():
            assert cx.metric(study, str(name), period="2024-02").value == value
        own = replace(cx.revenue.revenue_profile("cxresearch"), name="ours", gross_losses=("churn",))
        assert cx.metric(
            study, "gross_revenue_churn", period="2024-02", options={"profile": own}
        ).value == pytest.approx(0.1)

    def test_metric_table_gives_the_same_numbers(self) -> None:
        study = ten_customers()
        for metric in metrics_of(study):
            table = cx.metric_table(study, metric.name, every="month")
            assert list(table["period"].dt.month)[-2:] == [3, 4]
            running = table.iloc[-1]  # April had not ended: it is there, and has no value
            assert np.isnan(running["value"]) and running["n"] == 0
            assert running["n_missing"] > 0 or metric.name == "quick_ratio"  # nobody moved in April
            assert running["method"] == "none: the period had not ended at the data cut"
            assert table["method"].iloc[-2] != running["method"]
            if metric.name in ("gross_revenue_churn", "net_revenue_retention"):
                want = cx.metric(study, metric.name, period="2024-02")
                row = table[table["period"] == "2024-02-01"].iloc[0]
                np.testing.assert_allclose(
                    [row["value"], row["low"], row["high"]], [want.value, want.low, want.high]
                )
        rate = cx.metric_table(study, "net_revenue_churn", options={"profile": "chartmogul"})
        assert "chartmogul" in rate["method"].iloc[0]


class TestLogoChurn:
    def test_denominators(self) -> None:
        rows = [(f"c{number}", "2024-01-10", 10.0) for number in range(8)]
        rows += [("c0", "2024-02-15 12:00", 0.0), ("n1", "2024-02-01", 5.0), ("n2", "2024-02-01", 5.0)]
        study = study_of(rows)
        found = {
            name: cx.revenue.logo_churn(study, period="2024-02", denominator=name)
            for name in ("opening", "opening_and_new", "average", "exposure", "km")
        }
        assert found["opening"].value == pytest.approx(1 / 8)
        assert found["opening_and_new"].value == pytest.approx(1 / 10)
        assert found["average"].value == pytest.approx(1 / 8.5)
        assert found["exposure"].value == pytest.approx(1 / 9.5)  # c0 was there for half of February 2024
        assert found["km"].value == pytest.approx(1 / 10)
        assert len({estimate.denominator for estimate in found.values()}) == 5
        for estimate in found.values():
            assert estimate.low < estimate.value < estimate.high

    def test_joined_and_left_counts_with_stripe_only(self) -> None:
        rows = [(f"c{number}", "2024-01-10", 10.0) for number in range(4)]
        rows += [("x", "2024-02-03", 9.0), ("x", "2024-02-13", 0.0)]
        study = study_of(rows)
        assert cx.revenue.logo_churn(study, period="2024-02").value == 0.0
        assert cx.revenue.logo_churn(study, period="2024-02", profile="chartmogul").value == 0.0
        stripe = cx.revenue.logo_churn(study, period="2024-02", profile="stripe")
        assert (stripe.value, stripe.n) == (pytest.approx(1 / 5), 5)
        assert cx.revenue.logo_churn(study, period="2024-02", profile="baremetrics").value == pytest.approx(
            1 / 4
        )

    def test_currency_needs_no_rate_to_count_customers(self) -> None:
        columns = "customer_id effective_at mrr currency"
        rows = [
            ("a", "2024-01-10", 10.0, "USD"),
            ("b", "2024-01-10", 10.0, "EUR"),
            ("a", "2024-02-10", 0.0, "USD"),
        ]
        assert cx.revenue.logo_churn(study_of(rows, columns=columns), period="2024-02").value == 0.5

    def test_annualised_estimate(self) -> None:
        month = cx.revenue.logo_churn(ten_customers(), period="2024-02")
        year = cx.revenue.annualised(month)
        assert year.value == pytest.approx(1 - 0.9**12)
        assert year.low == pytest.approx(1 - (1 - month.low) ** 12)


class TestExplainProfiles:
    def test_each_rule_is_named(self) -> None:
        columns = "customer_id effective_at mrr status discount discount_kind"
        none = (None, None)
        rows = [
            ("same", "2024-01-02", 10.0, "active", *none),
            ("flash", "2024-02-03", 30.0, "active", *none),
            ("flash", "2024-02-20", 0.0, "cancelled", *none),
            ("rest", "2024-01-02", 20.0, "active", *none),
            ("rest", "2024-02-02", 20.0, "paused", *none),
            ("coupon", "2024-01-02", 50.0, "active", *none),
            ("coupon", "2024-02-02", 40.0, "active", 10.0, "repeating"),
            ("late", "2024-01-02", 7.0, "active", *none),
            ("late", "2024-01-20", 7.0, "past_due", *none),
        ]
        found = cx.revenue.explain_profiles(
            study_of(rows, columns=columns), "profitwell", "stripe", period="2024-02"
        )
        why = found.set_index("customer_id")["why"].to_dict()
        assert why == {
            "flash": "moves within the period",
            "rest": "pause",
            "coupon": "coupon that ends",
            "late": "past due",
        }
        rest = found.set_index("customer_id").loc["rest"]
        assert (rest["closing_first"], rest["closing_second"], rest["moves_first"]) == (
            0.0,
            20.0,
            "contraction 20.00",
        )
        bridges = [
            cx.revenue.mrr_bridge(study_of(rows, columns=columns), profile=name)
            for name in ("profitwell", "stripe")
        ]
        closing = [float(bridge.table.loc[bridge.position("2024-02"), "closing"]) for bridge in bridges]
        assert closing[1] - closing[0] == pytest.approx(
            (found["closing_second"] - found["closing_first"]).sum()
        )

    def test_nothing_to_explain(self) -> None:
        found = cx.revenue.explain_profiles(ten_customers(), "cxresearch", "profitwell", period="2024-02")
        assert found.empty
        assert list(found.columns)[-1] == "why"

    def test_no_such_period(self) -> None:
        with pytest.raises(ArgumentError, match="no period"):
            cx.revenue.explain_profiles(ten_customers(), "stripe", "profitwell", period="2020-01")


class TestEconomics:
    def test_retention_is_worth_what_it_is_worth_here(self) -> None:
        table = cx.revenue.retention_economics(
            customers=1, monthly_value=1, margin=1.0, annual_retention=0.8, years=1
        )
        month = 0.8 ** (1 / 12)
        assert table.set_index("quantity").loc["revenue", "now"] == pytest.approx(0.2 / (1 - month))
        assert table.set_index("quantity").loc["customers at the end", "then"] == pytest.approx(0.85)
        with pytest.raises(ArgumentError, match="points"):
            cx.revenue.retention_economics(customers=1, monthly_value=1, margin=1, annual_retention=0.98)

    @pytest.mark.parametrize(
        ("name", "wrong"),
        [
            ("margin", (80, 1.01, 0, -0.5, "0.8", float("nan"), None)),
            ("monthly_value", (-5, float("inf"), float("nan"), "100")),
            ("horizon_months", ("a", float("nan"), float("inf"), 2.5, 0, None, True)),
            ("discount", (-1, "0.1", float("inf"))),
        ],
    )
    def test_lifetime_value_refuses_what_is_no_such_number(self, name: str, wrong: Any) -> None:
        from cxresearch.stats.survival.kaplan_meier import kaplan_meier

        curve = kaplan_meier([1, 2, 3, 4, 4, 4], [1, 0, 1, 0, 0, 0], unit=cx.Unit.MONTHS)
        for value in wrong:
            with pytest.raises(ArgumentError, match=name):
                cx.revenue.lifetime_value(
                    curve, **({"monthly_value": 5, "horizon_months": 4} | {name: value})
                )
        whole = cx.revenue.lifetime_value(curve, 100, horizon_months=4, margin=1).value
        assert (
            cx.revenue.lifetime_value(curve, np.array(100), horizon_months=4.0, margin=0.5).value == whole / 2
        )

    @pytest.mark.parametrize(
        ("name", "wrong"),
        [
            ("margin", (70, 1.01, 0, "0.7", float("nan"))),
            ("customers", (0, -1, float("nan"), "10")),
            ("monthly_value", (-1, float("inf"), float("nan"), "50")),
            ("fixed_cost", (-1, float("inf"), "5")),
            ("annual_retention", (80, 0, float("nan"), "0.8", None)),
            ("points", (float("nan"), "0.05", 5)),
            ("years", ("5", float("nan"), float("inf"), 0, 1.5, None, True)),
            ("discount", (-1, "0.1")),
        ],
    )
    def test_retention_refuses_what_is_no_such_number(self, name: str, wrong: Any) -> None:
        sound = {"customers": 1000, "monthly_value": 50, "margin": 0.7, "annual_retention": 0.8}
        for value in wrong:
            with pytest.raises(ArgumentError, match=name):
                cx.revenue.retention_economics(**(sound | {name: value}))

    def test_payback_and_prices_refuse_what_is_no_such_number(self) -> None:
        for wrong in ({"margin": 80}, {"margin": 0}, {"cost": -1}, {"cost": "600"}, {"monthly_value": 0}):
            with pytest.raises(ArgumentError, match=next(iter(wrong))):
                cx.revenue.cac_payback(**({"cost": 600, "monthly_value": 100} | wrong))
        with pytest.raises(ArgumentError, match="amount"):
            cx.revenue.monthly_amount(-5, per="month")
        for periods in (0, "12", float("nan")):
            with pytest.raises(ArgumentError, match="periods"):
                cx.revenue.annualised(
                    cx.revenue.logo_churn(ten_customers(), period="2024-02"), periods=periods
                )

    def test_payback_with_and_without_leavers(self) -> None:
        from cxresearch.stats.survival.kaplan_meier import kaplan_meier

        assert cx.revenue.cac_payback(600, 100, margin=0.8).value == pytest.approx(7.5)
        curve = kaplan_meier([2, 6, 20, 20], [1, 1, 0, 0], unit=cx.Unit.MONTHS)
        # two months of 1, four of .75, then .5: 5 paid months by month 6, the sixth at month 8
        assert cx.revenue.cac_payback(6, 1, curve=curve).value == pytest.approx(8.0)
        assert np.isnan(cx.revenue.cac_payback(60, 1, curve=curve).value)

    def test_lifetime_value_by_hand(self) -> None:
        from cxresearch.stats.survival.kaplan_meier import kaplan_meier

        curve = kaplan_meier([1, 2, 3, 4, 4, 4], [1, 0, 1, 0, 0, 0], unit=cx.Unit.MONTHS)
        found = cx.revenue.lifetime_value(curve, [10, 20, 30, 40], horizon_months=4, margin=0.5, discount=0.1)
        factor = 1.1 ** (-1 / 12)
        wanted = 0.5 * (10 + 20 * 5 / 6 * factor + 30 * 5 / 6 * factor**2 + 40 * 0.625 * factor**3)
        assert found.value == pytest.approx(wanted)
        assert found.note == ""
        longer = cx.revenue.lifetime_value(curve, 10.0, horizon_months=24)
        hazard = -np.log(0.625) / 4
        tail = 10 * 0.625 * np.exp(-hazard * (np.arange(5, 24) - 4))
        seen = 10 * (1 + 5 / 6 + 5 / 6 + 0.625 + 0.625)
        assert longer.value == pytest.approx(seen + tail.sum())
        assert longer.note == f"{100 * tail.sum() / longer.value:.0f} % extrapolated beyond 4.0 months"
        with pytest.raises(ArgumentError, match="one for each of 3"):
            cx.revenue.lifetime_value(curve, [1, 2], horizon_months=3)


def test_renewals() -> None:
    columns = "customer_id effective_at mrr due_at"
    rows = [
        ("kept", "2023-03-01", 10.0, "2024-03-01"),
        ("left", "2023-03-01", 30.0, "2024-03-01"),
        ("left", "2024-03-01", 0.0, None),
        ("less", "2023-02-10", 40.0, "2024-02-10"),
        ("less", "2024-02-10", 20.0, "2025-02-10"),
        ("early", "2023-03-01", 50.0, "2024-03-01"),  # renewed before it fell due
        ("early", "2023-12-01", 60.0, "2024-12-01"),
        ("back", "2023-03-20", 10.0, "2024-03-20"),
        ("back", "2024-03-20", 0.0, None),
        ("back", "2024-04-02", 10.0, None),
        ("open", "2023-04-05", 10.0, "2024-04-05"),
    ]
    frame = pd.DataFrame(rows, columns=columns.split())
    for column in ("effective_at", "due_at"):
        frame[column] = pd.to_datetime(frame[column])
    study = cx.Study.from_frames(
        {"revenue": frame}, observed_until=pd.Timestamp("2024-04-10"), instruments={}
    )
    count = cx.metric(study, "renewal_rate")
    assert (count.value, count.n, count.n_missing) == (pytest.approx(4 / 6), 6, 0)
    value = cx.metric(study, "renewal_rate_by_value")
    assert value.value == pytest.approx((10 + 0 + 20 + 50 + 0 + 10) / (10 + 30 + 40 + 50 + 10 + 10))
    grace = cx.metric(study, "renewal_rate", options={"grace_days": 14})
    assert (grace.value, grace.n, grace.n_missing) == (pytest.approx(4 / 5), 5, 1)
    march = cx.metric(study, "renewal_rate", period="2024-03")
    assert (march.value, march.n) == (pytest.approx(2 / 4), 4)
    with pytest.raises(ArgumentError, match="'renewal_rate' is not available"):
        cx.metric(ten_customers(), "renewal_rate")


def test_win_back() -> None:
    rows = [(f"c{number}", "2023-01-01", 10.0) for number in range(4)]
    rows += [(f"c{number}", "2023-06-01", 0.0) for number in range(4)] + [("c0", "2023-07-01", 10.0)]
    found = cx.metric(study_of(rows), "win_back_rate", options={"win_back_days": 90})
    assert (found.value, found.n) == (pytest.approx(0.25), 4)
    late = [*rows, ("c1", "2023-01-02", 12.0), ("x", "2024-01-01", 5.0), ("x", "2024-03-30", 0.0)]
    assert cx.metric(study_of(late), "win_back_rate", options={"win_back_days": 90}).value == pytest.approx(
        0.25
    )  # x left 11 days ago: censored
    assert np.isnan(cx.metric(study_of(rows[:4]), "win_back_rate").value)


def test_cohorts_and_ages() -> None:
    rows = [
        ("a", "2024-01-05", 10.0),
        ("b", "2024-01-20", 30.0),
        ("b", "2024-03-02", 0.0),
        ("c", "2024-02-02", 20.0),
    ]
    rows += [("a", "2024-02-07", 15.0)]
    study = study_of(rows)
    customers = cx.revenue.cohort_retention(study).matrix()
    assert customers.loc["2024-01-01"].dropna().tolist() == [1.0, 1.0, 0.5]
    assert customers.loc["2024-02-01"].dropna().tolist() == [1.0, 1.0]
    revenue = cx.revenue.cohort_retention(study, of="revenue").matrix()
    np.testing.assert_allclose(revenue.loc["2024-01-01"].dropna(), [1, 45 / 40, 15 / 40])
    ages = cx.revenue.revenue_by_customer_age(study, edges_months=(0, 3))
    assert ages["mrr"].tolist() == [20.0, 15.0]
    assert ages["share"].sum() == pytest.approx(1)
    with pytest.raises(ArgumentError, match="rising"):
        cx.revenue.revenue_by_customer_age(study, edges_months=(3, 1))


def test_cohort_heads_equal_the_bridge() -> None:
    study = cx.synthetic.synthetic_study(tier="B", customers=200, seed=4)
    found, bridge = cx.revenue.cohort_retention(study), cx.revenue.mrr_bridge(study)
    rows = found.table[found.table["complete"]]
    last = rows.groupby("cohort")["age"].max().max()
    ends = rows[rows["cohort"] + pd.to_timedelta(0) == rows["cohort"]]
    there = sum(
        ends.loc[(ends["cohort"] == cohort) & (ends["age"] == last - place), "left"].sum()
        for place, cohort in enumerate(sorted(rows["cohort"].unique()))
    )
    complete = bridge.table[bridge.table["complete"]]
    assert there == complete["closing_customers"].iloc[-1]


def test_levels_from_subscriptions_refuse_nonsense() -> None:
    rows = pd.DataFrame(
        {
            "customer_id": ["a"],
            "started_at": [pd.Timestamp("2024-02-01")],
            "ended_at": [pd.Timestamp("2024-01-01")],
            "mrr": [1.0],
        }
    )
    with pytest.raises(DataError, match="first at row position 0"):
        cx.revenue.levels_from_subscriptions(rows)
    with pytest.raises(DataError, match="lack"):
        cx.revenue.levels_from_subscriptions(rows.drop(columns="mrr"))


@pytest.mark.parametrize("profile", ["cxresearch", "chartmogul", "stripe", "profitwell", "baremetrics"])
def test_customer_churn_of_a_table_is_logo_churn_under_the_same_definition(profile: str) -> None:
    rows = [(f"c{number}", "2024-01-10", 10.0) for number in range(10)]
    rows += [("c0", "2024-02-15", 0.0)]  # gone
    rows += [("x", "2024-02-03", 10.0), ("x", "2024-02-20", 0.0), ("y", "2024-02-04", 10.0)]
    rows += [("c1", "2024-02-05", 0.0), ("c1", "2024-02-25", 10.0)]  # left and back
    rows += [("y", "2024-03-04", 0.0)]
    study = study_of(rows, until="2024-04-10")
    table = cx.metric_table(study, "customer_churn", every="month", options={"profile": profile})
    table = table.set_index("period")
    wanted = {"cxresearch": (0.1, 10), "chartmogul": (0.1, 10), "profitwell": (0.1, 10)}
    wanted |= {"stripe": (3 / 12, 12), "baremetrics": (0.3, 10)}
    february = table.loc["2024-02-01"]
    assert (february["value"], february["n"]) == wanted[profile]
    for period in ("2024-02-01", "2024-03-01"):
        cell, one = table.loc[period], cx.revenue.logo_churn(study, period=period, profile=profile)
        found = (cell["value"], cell["low"], cell["high"], cell["n"])
        assert found == pytest.approx((one.value, one.low, one.high, one.n), rel=1e-12)
        assert cell["se"] == pytest.approx(one.se)
        assert cell["method"] == one.method
    january = table["n"].get(
        pd.Timestamp("2024-01-01")
    )  # nobody was there before, but Stripe counts who joined
    assert january == (10 if profile == "stripe" else None)
    card = cx.scorecard(study, metrics=["customer_churn"], options={"profile": profile}).overall
    assert card.set_index("period").loc["2024-02-01", "value"] == wanted[profile][0]
