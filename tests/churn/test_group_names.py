"""A column of the user keeps its groups whatever it is called: it travels under a neutral name."""

import pandas as pd
import pytest

import cxresearch as cx

#: Names that curves, intervals and matched rows compute with on the way.
NAMES = ["duration", "event", "entry", "count", "people", "left_at", "start", "stop", "happened", "carried_0"]
FRAME_NAMES = ["people", "left_at", "start", "carried_0", "carried_1", "kind"]


def company(name: str) -> cx.Study:
    days = pd.date_range("2023-01-01", periods=200, freq="D")
    customers = pd.DataFrame(
        {
            "customer_id": [f"c{i:03d}" for i in range(200)],
            "started_at": days,
            "ended_at": [
                day + pd.Timedelta(days=30 + 3 * i) if i % 3 else pd.NaT for i, day in enumerate(days)
            ],
            name: ["a" if i % 2 else "b" for i in range(200)],
        }
    )
    responses = pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "instrument": "nps",
            "score": [float(i * 7 % 11) for i in range(200)],
            "responded_at": days + pd.Timedelta(days=10),
        }
    )
    return cx.Study.from_frames(
        {"customers": customers, "responses": responses},
        observed_until="2024-12-31",
        instruments={"nps": cx.NPS},
    )


@pytest.mark.parametrize("name", NAMES)
def test_groups_of_a_study(name: str) -> None:
    plain, odd = company("plan"), company(name)
    expected = cx.churn_curve(plain, by="plan", axis="calendar")
    pd.testing.assert_frame_equal(cx.churn_curve(odd, by=name, axis="calendar").table, expected.table)
    models = [
        cx.curves.hazard_model(study, scores=["nps"], controls=[by])
        for study, by in ((plain, "plan"), (odd, name))
    ]
    pd.testing.assert_series_equal(*(model.fit.table["coefficient"] for model in models))
    strata = [
        cx.curves.hazard_model(study, scores=["nps"], strata=[by]).fit.table
        for study, by in ((plain, "plan"), (odd, name))
    ]
    pd.testing.assert_frame_equal(*strata)
    after = [
        cx.curves.after_event(study, event="detractor", match_on=by, matches=2)
        for study, by in ((plain, "plan"), (odd, name))
    ]
    assert after[0].hazard_ratio == after[1].hazard_ratio


@pytest.mark.parametrize("name", FRAME_NAMES)
def test_groups_of_a_frame_and_of_landmarks(name: str) -> None:
    frame = pd.DataFrame({"duration": range(1, 41), "event": [1, 0] * 20, "plan": ["a", "b", "b", "a"] * 10})
    expected = cx.churn_curve(frame, by="plan").table
    pd.testing.assert_frame_equal(
        cx.churn_curve(frame.rename(columns={"plan": name}), by=name).table, expected
    )
    rows = frame.assign(customer_id=[f"c{i}" for i in range(40)], nps=[float(i % 11) for i in range(40)])
    rows = rows.rename(columns={"duration": "duration_days"})
    curves = [
        cx.churn_curve(
            cx.classifier.Landmarks.from_frame(
                rows.rename(columns={"plan": by}), instruments={"nps": cx.NPS}, horizon_days=20, segments=[by]
            ),
            by=by,
        ).table
        for by in ("plan", name)
    ]
    pd.testing.assert_frame_equal(*curves)


def test_one_name_is_as_good_as_a_list_of_one() -> None:
    study = company("plan")
    one, several = (cx.churn_curve(study, by=by).table for by in ("plan", ["plan"]))
    pd.testing.assert_frame_equal(one, several)
