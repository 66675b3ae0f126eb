"""One simulated company for the tests of the classifier."""

import pytest

import cxresearch as cx


@pytest.fixture(scope="session")
def study() -> cx.Study:
    return cx.synthetic.company_study(seed=6, customers=2_500)


@pytest.fixture(scope="session")
def marks(study: cx.Study) -> cx.classifier.Landmarks:
    return cx.landmark(study, every="quarter", horizon_days=180, stacked=True, keep_silent=True)


@pytest.fixture(scope="session")
def model(marks: cx.classifier.Landmarks) -> cx.classifier.ChurnModel:
    return cx.fit_churn(marks, members=8)
