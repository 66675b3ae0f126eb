"""One error over all groups of a scorecard, and no question that costs another its power."""

import numpy as np
import pandas as pd
import pytest

import cxresearch as cx
from cxresearch.stats.intervals.many_tests import holm

QUESTIONS = {"nps": cx.NPS, "csat": cx.CSAT, "ces": cx.CES2}


def answers(rng: np.random.Generator, *, people: int = 700, months: int = 3) -> pd.DataFrame:
    """Answers to three questions that go together, of customers of whom half answer in any month."""
    mood = rng.normal(size=people)
    tables = []
    for month in range(months):
        feeling = 0.7 * mood + 0.7 * rng.normal(size=people)
        chosen = rng.random(people) < 0.5
        for name, centre, spread, low, high in (
            ("nps", 8, 2.2, 0, 10), ("csat", 4, 0.9, 1, 5), ("ces", 5, 1.4, 1, 7),
        ):  # fmt: skip
            noise = 0.6 * rng.normal(size=people)
            score = np.clip(np.round(centre + spread * (0.8 * feeling + noise)), low, high)
            when = pd.Timestamp("2024-02-10") + pd.DateOffset(months=month)
            table = {
                "customer_id": np.arange(people),
                "instrument": name,
                "score": score,
                "responded_at": when,
            }
            tables.append(pd.DataFrame(table)[chosen])
    return pd.concat(tables, ignore_index=True)


def shuffled(seed: int, *, columns: int) -> cx.Study:
    """A study whose answers carry team labels that mean nothing, and whose customers regions likewise."""
    rng = np.random.default_rng(seed)
    rows = answers(rng)
    people = pd.DataFrame({"customer_id": np.arange(700), "started_at": pd.Timestamp("2023-01-01")})
    teams = {f"team_{place}": rng.permutation(np.arange(len(rows)) % 4) for place in range(columns)}
    rows = rows.assign(**{name: pd.Series(team).map(str) for name, team in teams.items()})
    regions = {f"region_{place}": rng.permutation(np.arange(700) % 3) for place in range(columns)}
    people = people.assign(**{name: pd.Series(region).map(str) for name, region in regions.items()})
    return cx.Study.from_frames(
        {"customers": people, "responses": rows}, observed_until="2024-04-30", instruments=QUESTIONS
    )


def named(seed: int, columns: int) -> list[bool]:
    """Whether a scorecard names a group, for each set of shuffled labels."""
    study = shuffled(seed, columns=columns)
    found = []
    for place in range(columns):
        card = cx.scorecard(study, by=f"team_{place}", search=f"region_{place}")
        of_groups = card.changes[~card.changes["whole"].astype(bool)]
        loud = of_groups["verdict"].isin(["up", "down"]).any()
        loud |= card.rest["verdict"].isin(["above", "below"]).any()
        found.append(bool(loud))
        assert loud == ("moved: " in card.groups_finding or "together: " in card.groups_finding)
    return found


def test_shuffled_labels_seldom_name_a_group() -> None:
    assert sum(named(1, 8)) <= 2  # 5 % each: more than 2 of 8 in 0.6 % of series


@pytest.mark.slow
def test_shuffled_labels_name_a_group_in_one_scorecard_of_twenty() -> None:
    found = [one for seed in range(20) for one in named(100 + seed, 20)]
    share = np.mean(found)
    print(f"a group named on shuffled labels: {100 * share:.2f} % of {len(found)} scorecards")
    assert 0.035 <= share <= 0.065


@pytest.mark.parametrize("size", [1, 2, 9, 40])
def test_holm_equals_its_definition(size: int) -> None:
    p_values = np.random.default_rng(size).uniform(size=size) ** 2
    # Holm (1979) by hand: the k-th smallest of m times m - k + 1, no smaller than the one before, at most 1.
    by_hand, largest = {}, 0.0
    for k, p_value in enumerate(sorted(p_values)):
        largest = max(largest, min(p_value * (size - k), 1.0))
        by_hand[p_value] = largest
    assert holm(p_values) == pytest.approx([by_hand[p_value] for p_value in p_values])


def test_a_missing_p_value_is_no_test() -> None:
    assert holm([0.04, np.nan, 0.01]) == pytest.approx([0.04, np.nan, 0.02], nan_ok=True)
    assert holm([]).size == 0


def named_by_the_page(seed: int) -> bool:
    """Whether a page names a group, by comparing or by searching as the report does, of shuffled segments.

    A study a page: what all customers do by chance would be common to shuffles of one study.
    """
    rng = np.random.default_rng(seed)
    rows = answers(rng, people=500, months=9)
    days = pd.to_timedelta(rng.integers(0, 20, len(rows)), unit="D")
    rows = rows.assign(responded_at=rows["responded_at"] + days)
    people = pd.DataFrame({"customer_id": np.arange(500), "started_at": pd.Timestamp("2023-01-01")})
    people = people.assign(region=pd.Series(rng.permutation(np.arange(500) % 3)).map(str))
    study = cx.Study.from_frames(
        {"customers": people, "responses": rows}, observed_until="2024-11-30", instruments=QUESTIONS
    )
    card = cx.scorecard(study, by="region", groups_level=0.975)
    of_groups = card.changes[~card.changes["whole"].astype(bool)]
    compared = of_groups["verdict"].isin(["up", "down"]).any()
    unlike = card.rest["verdict"].isin(["above", "below"]).any()
    standing = cx.voice.standing_changes(
        study, metrics=list(QUESTIONS), by="region", groups_level=0.975, draws=199
    )
    return bool(compared or unlike or (standing.named["column"] != "").any())


@pytest.mark.slow
def test_the_whole_page_names_a_group_of_shuffled_segments_in_one_of_twenty() -> None:
    share = np.mean([named_by_the_page(1000 + seed) for seed in range(400)])
    print(f"a group named by the page: {100 * share:.2f} % of 400")
    assert share <= 0.065
