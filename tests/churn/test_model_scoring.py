"""Scoring, intervals, the card and the file."""

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
from skops import io

import cxresearch as cx
from cxresearch.churn.classifier.training_rows import table_of
from cxresearch.churn.risk.churn_risk import drifted_features, risk_interval
from cxresearch.errors import ArgumentError, CxWarning, DataError
from cxresearch.scales import CES1


def changed(marks: cx.classifier.Landmarks, **columns: object) -> cx.classifier.Landmarks:
    return dataclasses.replace(marks, frame=marks.frame.assign(**columns))


def test_one_row_scores_as_it_does_among_others(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks
) -> None:
    risk = cx.classifier.churn_risk(model, marks)
    part = dataclasses.replace(marks, frame=marks.frame.iloc[[7, 3, 11]])
    np.testing.assert_allclose(cx.classifier.churn_risk(model, part), risk[[7, 3, 11]])


def test_a_missing_column_is_refused(model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks) -> None:
    features = tuple(name for name in marks.features if name != "tickets_90d")
    lost = dataclasses.replace(marks, frame=marks.frame.drop(columns="tickets_90d"), features=features)
    with pytest.raises(DataError, match="lack columns the model reads: tickets_90d"):
        cx.classifier.churn_risk(model, lost)


def test_a_column_never_seen_is_refused(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks
) -> None:
    more = changed(marks, steps_30d=np.arange(float(marks.n_rows)))
    with pytest.raises(DataError, match="never saw: steps_30d"):
        cx.classifier.churn_risk(model, dataclasses.replace(more, features=(*marks.features, "steps_30d")))


def test_another_scale_is_refused(model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks) -> None:
    low = changed(marks, ces=marks.frame["ces"].clip(upper=5))
    other = dataclasses.replace(low, instruments={**marks.instruments, "ces": CES1})
    with pytest.raises(DataError, match="ces runs from 1 to 5"):
        cx.classifier.churn_risk(model, other)


@pytest.mark.parametrize("factor", [60.0, 1 / 60])
def test_another_unit_is_refused(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks, factor: float
) -> None:
    name = "first_reply_minutes_90d_mean"
    hours = changed(marks, **{name: marks.frame[name] * factor})
    with pytest.raises(DataError, match=name):
        cx.classifier.churn_risk(model, hours)
    assert not len(drifted_features(model, marks))


def test_a_new_category_is_named_and_still_scored(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks
) -> None:
    strange = changed(marks, segment=marks.frame["segment"].replace("enterprise", "public"))
    with pytest.warns(CxWarning, match="'public'"):
        risk = cx.classifier.churn_risk(model, strange)
    assert ((risk > 0) & (risk < 1)).all()


def test_intervals_hold_the_risk_and_shrink_with_data(
    marks: cx.classifier.Landmarks, model: cx.classifier.ChurnModel
) -> None:
    small = cx.synthetic.synthetic_landmarks(seed=1, customers=2_000)
    large = cx.synthetic.synthetic_landmarks(seed=1, customers=32_000)
    widths = []
    for sample in (small, large):
        fitted = cx.fit_churn(sample, members=30)
        rows = table_of(small.frame, fitted.numbers, fitted.categories)
        low, high = risk_interval(fitted, rows)
        risk = cx.classifier.churn_risk(fitted, small)
        assert ((low < risk) & (risk < high)).all()
        widths.append(np.mean(high - low))
    assert 2.5 < widths[0] / widths[1] < 6.5  # sixteen times the rows: a quarter of the width
    none = cx.fit_churn(small, members=0)
    assert np.isnan(risk_interval(none, table_of(small.frame, none.numbers, none.categories))[0]).all()


@pytest.mark.parametrize("kind", ["logistic", "boosting"])
def test_a_model_read_back_gives_the_same_risks(
    kind: str, marks: cx.classifier.Landmarks, tmp_path: Path
) -> None:
    small = dataclasses.replace(marks, frame=marks.frame.head(1_500))
    fitted = cx.fit_churn(small, model=kind, members=2)  # type: ignore[arg-type]
    back = cx.classifier.load_churn_model(cx.classifier.save_churn_model(fitted, tmp_path / "churn.skops"))
    np.testing.assert_array_equal(
        cx.classifier.churn_risk(fitted, small), cx.classifier.churn_risk(back, small)
    )
    table = table_of(small.frame, fitted.numbers, fitted.categories)
    np.testing.assert_allclose(risk_interval(fitted, table), risk_interval(back, table))
    assert back.to_dict() == fitted.to_dict()
    assert list(tmp_path.iterdir()) == [tmp_path / "churn.skops"]


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("run",))


def test_files_that_are_not_models_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pickled = tmp_path / "evil.skops"
    pickled.write_bytes(pickle.dumps(Evil()))
    other = tmp_path / "other.skops"
    io.dump({"facts": "{}", "fitted": Path}, other)
    plain = tmp_path / "plain.skops"
    io.dump([1, 2], plain)
    for path in (pickled, other, plain, tmp_path / "none.skops"):
        with pytest.raises(DataError):
            cx.classifier.load_churn_model(path)
    assert "run" not in capsys.readouterr().out


def test_a_name_without_skops_is_refused(model: cx.classifier.ChurnModel, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"\.skops"):
        cx.classifier.save_churn_model(model, tmp_path / "model.pkl")


def test_the_card_says_what_was_measured_and_what_not(
    model: cx.classifier.ChurnModel, marks: cx.classifier.Landmarks
) -> None:
    assert "Not evaluated" in str(cx.classifier.model_card(model))
    found = cx.evaluate_churn(model, marks, runs=20)
    text = str(cx.classifier.model_card(model, found))
    assert found.verdict in text
    assert f"{model.training.rows:,} training rows" in text
    assert "segment smb" in text
    assert text.count("## ") == 8
