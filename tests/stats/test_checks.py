"""What counts as a number: dates, text and true/false never become one silently."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cxresearch as cx
from cxresearch.checks import as_numbers, check_number
from cxresearch.errors import ArgumentError
from cxresearch.results.result import as_plain
from cxresearch.stats.prediction.concordance import concordance
from cxresearch.stats.prediction.delong import delong
from cxresearch.stats.prediction.follow_up import follow_up
from cxresearch.stats.prediction.ipcw import ipcw_auc, marginal_risk, sides
from cxresearch.stats.survival.kaplan_meier import kaplan_meier
from cxresearch.stats.survival.rmst import restricted_mean


@pytest.mark.parametrize(
    "values",
    [
        ["5"],
        [""],
        ["", 1],
        np.array(["5"]),
        pd.Series(["1"], dtype="string"),
        pd.Series(["1", "2"], dtype="category"),
        pa.array(["1"]),
        [b"5"],
        [True, False],
        [True, None, 10],
        [np.True_, 2],
        pd.Series([True, None], dtype="boolean"),
        pl.Series([True, False]),
        [1j],
        [1 + 0j, 2],
        [dt.datetime(2024, 1, 1)],
        [dt.date(2024, 1, 1)],
        [dt.timedelta(1)],
        np.array(["2024-01-01"], dtype="M8[D]"),
        np.array([5], dtype="m8[s]"),
        [pd.NaT],
        [pd.NaT, 1],
        pd.Series(pd.to_datetime([None, None])),
        pl.Series([dt.date(2024, 1, 1)]),
        pd.period_range("2024", periods=2, freq="M"),
        [10**400],
    ],
)
def test_what_is_no_number_is_refused(values: Any) -> None:
    with pytest.raises(ArgumentError, match="not a number"):
        as_numbers("x", values, missing=True)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([1, 2.5, None], [1, 2.5, np.nan]),
        ([Decimal("1.5"), 2], [1.5, 2]),
        ([np.int8(3), np.float32(2)], [3, 2]),
        (pd.Series([1, None], dtype="Int64"), [1, np.nan]),
        (pd.Series([1, None], dtype="category"), [1, np.nan]),
        (pd.Series([1.5, None], dtype="double[pyarrow]"), [1.5, np.nan]),
        (pl.Series([1, None]), [1, np.nan]),
        (pa.array([1.5, None]), [1.5, np.nan]),
        ([None, pd.NA], [np.nan, np.nan]),
        ([], []),
    ],
)
def test_numbers_of_every_library_are_read(values: Any, wanted: list[float]) -> None:
    np.testing.assert_array_equal(as_numbers("x", values, missing=True), wanted)


def test_flags_are_read_where_they_mean_something() -> None:
    np.testing.assert_array_equal(
        as_numbers("x", [True, None, False], missing=True, booleans=True), [1, np.nan, 0]
    )
    assert kaplan_meier([1, 2, 3], [True, False, True]).n_events == 2
    assert delong([True, False, True], {"flag": np.array([True, False, True])}).auc[0] == 1


@pytest.mark.parametrize("value", [True, np.True_, "5", None, pd.NA, pd.NaT, 1j, 10**400, np.nan, np.inf])
def test_check_number_takes_numbers_only(value: Any) -> None:
    with pytest.raises(ArgumentError, match="margin is"):
        check_number("margin", value)


@pytest.mark.parametrize(
    "scores", [[True, True, False], [True, None, 10], ["9", "10"], pd.Series(pd.to_datetime(["2024-01-01"]))]
)
def test_scores_are_answers(scores: Any) -> None:
    with pytest.raises(ArgumentError, match="not a number"):
        cx.nps(scores)


def test_dates_are_neither_entries_nor_markers() -> None:
    nothing = pd.Series(pd.to_datetime([None, None, None]))
    with pytest.raises(ArgumentError, match="entry holds"):
        kaplan_meier([5.0, 6, 7], [1, 1, 0], entry=nothing)
    with pytest.raises(ArgumentError, match="not a number"):
        delong([1, 0, 1], {"last_seen": pd.Series(pd.to_datetime([None, "2024-01-01", "2024-02-01"]))})


@pytest.mark.parametrize("code", [2.0**63, 1e19, 1_000_001, -1, 0.5])
def test_an_event_code_that_is_none_never_becomes_a_censoring(code: float) -> None:
    with pytest.raises(ArgumentError, match=r"event is .*position 0"):
        kaplan_meier([1, 2, 3], [code, 1, 0])
    with pytest.raises(ArgumentError, match=r"events is .*position 0"):
        follow_up([1, 2, 3], [code, 1, 0])


def test_negative_durations_are_refused_also_with_entry() -> None:
    with pytest.raises(ArgumentError, match="1 durations are negative"):
        restricted_mean([-1, 3, 4], [1, 1, 0], entry=[-5, 0, 0], horizon=3)
    late = restricted_mean([1, 3, 4], [1, 1, 0], entry=[-5, 0, 0], horizon=3)
    assert late.value == pytest.approx(restricted_mean([1, 3, 4], [1, 1, 0], horizon=3).value)


def test_times_that_differ_by_rounding_tie_in_weights_as_in_curves() -> None:
    time, event = [0.1 + 0.2, 0.3, 1, 2, 3], [1, 0, 1, 0, 0]
    fit = follow_up(time, event)
    risk = marginal_risk(fit, sides(fit, 1.5))
    # By hand: one of five leaves at 0.3, where one is censored; one of the remaining three leaves at 1.
    assert risk == pytest.approx(1 - 4 / 5 * 2 / 3)
    assert risk == pytest.approx(1 - kaplan_meier(time, event).survival_at([1.5])["survival"].iloc[0])


def test_the_horizon_ties_too() -> None:
    exact = ipcw_auc([0.3, 1, 2, 3], [1, 0, 1, 0], [[4, 1, 3, 2]], [0.3])
    rounded = ipcw_auc([0.1 + 0.2, 1, 2, 3], [1, 0, 1, 0], [[4, 1, 3, 2]], [0.3])
    np.testing.assert_allclose(rounded.value, exact.value)
    np.testing.assert_allclose(rounded.influence, exact.influence)
    values = [
        concordance([start, 1, 2, 3], [1, 0, 1, 0], [[4, 1, 3, 2]], horizon=0.3).concordant
        for start in (0.3, 0.1 + 0.2)
    ]
    np.testing.assert_array_equal(values[0], values[1])


def test_clusters_may_be_labels_and_must_fit() -> None:
    rng = np.random.default_rng(3)
    time, event, score = rng.exponential(size=30), rng.integers(0, 2, 30), rng.normal(size=30)
    labels = np.array(list("abcdef"))[rng.integers(0, 6, 30)]
    codes = np.unique(labels, return_inverse=True)[1]
    for found in (concordance(time, event, [score]), ipcw_auc(time, event, [score], [0.5])):
        np.testing.assert_allclose(found.covariance(clusters=labels), found.covariance(clusters=codes))
        with pytest.raises(ArgumentError, match="lengths differ"):
            found.covariance(clusters=labels[:-1])
        with pytest.raises(ArgumentError, match="no cluster"):
            found.covariance(clusters=[None, *labels[1:]])


def test_concordance_counts_the_same_events_however_they_are_written() -> None:
    time, score = [1, 2, 3, 4], [4, 3, 1, 2]
    plain = concordance(time, [1, 2, 0, 1], [score])
    for events in (pl.Series([1, 2, 0, 1]), [Decimal(1), 2, 0, 1.0], pd.Series([1, 2, 0, 1], dtype="Int8")):
        np.testing.assert_array_equal(concordance(time, events, [score]).concordant, plain.concordant)
    with pytest.raises(ArgumentError, match="not a number"):
        concordance(time, ["1", "2", "0", "1"], [score])


def test_one_horizon_is_given_as_a_list() -> None:
    with pytest.raises(ArgumentError, match=r"horizons is 2\.5"):
        ipcw_auc([1, 2, 3], [1, 0, 0], [[3, 2, 1]], 2.5)  # type: ignore[arg-type]


def test_missing_values_are_null_in_json() -> None:
    table = pd.DataFrame(
        {"at": pd.to_datetime(["2024-01-01", None]), "n": pd.array([1, None], dtype="Int64")}
    )
    assert as_plain(table) == [{"at": "2024-01-01T00:00:00", "n": 1}, {"at": None, "n": None}]
    assert as_plain([pd.NaT, pd.NA, np.datetime64("NaT"), np.nan, np.inf]) == [None] * 5
