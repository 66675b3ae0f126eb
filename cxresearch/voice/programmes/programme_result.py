"""What a programme did, by dose, and what came back of what was spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ProgrammeEffect(Result):
    """What onboarding, training, check-ins or another programme did, judged as in a trial.

    Attributes
    ----------
    at : str
        The moments from which it might have begun, in words.
    grace_days, horizon_days : float
        A contact within the grace time counts; what followed is counted from its end on, over the horizon.
    table : DataFrame
        One row an action, dose (any, one, several) and outcome.
    returns : DataFrame
        One row an action with a cost, and dose: spent and earned a treated customer, net, and money back for
        one spent.
    balance, overlap : DataFrame
        How alike the treated and the untreated are, and where they meet.
    controls : DataFrame
        Negative controls: the effect on the latest answer before the moment, which no action can have.
    n, n_customers : int
        Moments, and their customers.
    dropped : mapping of str to int
        Moments left out, by reason.
    finding : str
    notes : tuple of str
    level : float
    """

    at: str
    grace_days: float
    horizon_days: float
    table: pd.DataFrame
    returns: pd.DataFrame
    balance: pd.DataFrame
    overlap: pd.DataFrame
    controls: pd.DataFrame
    n: int
    n_customers: int
    dropped: Mapping[str, int]
    finding: str
    notes: tuple[str, ...]
    level: float

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            title="What each action did, {level} intervals; {n:,} moments of {at}",
            columns=(
                Column(name="action", label="action", meaning="kind of event"),
                Column(name="dose", label="contacts", meaning="within the grace time, against none"),
                Column(name="outcome", label="outcome", meaning="what followed"),
                Column(
                    name="effect",
                    label="effect",
                    meaning="with the action less without it",
                    unit_from="difference_unit",
                    low="low",
                    high="high",
                ),
                Column(name="with_action", label="with", meaning="mean in the overlap", unit_from="unit"),
                Column(name="without", label="without", meaning="mean in the overlap", unit_from="unit"),
                Column(
                    name="naive",
                    label="plain difference",
                    meaning="of those treated and all others: not the effect",
                    unit_from="difference_unit",
                ),
                Column(name="n", label="n", meaning="moments with the outcome", unit=Unit.COUNT),
                Column(name="n_treated", label="treated", meaning="of them", unit=Unit.COUNT),
                Column(name="p_holm", label="p", meaning="Holm over all rows", unit=Unit.P_VALUE),
                Column(name="verdict", label="verdict", meaning="one of four"),
            ),
        ),
        "returns": TableSpec(
            title="Money back for one spent, {level} intervals",
            columns=(
                Column(name="action", label="action", meaning="kind of event"),
                Column(name="dose", label="contacts", meaning="within the grace time, against none"),
                Column(name="spent", label="spent", meaning="a treated customer", unit=Unit.MONEY),
                Column(name="earned", label="earned", meaning="by it, a treated customer", unit=Unit.MONEY),
                Column(
                    name="net",
                    label="net",
                    meaning="earned less spent",
                    unit=Unit.MONEY,
                    low="net_low",
                    high="net_high",
                ),
                Column(
                    name="return_ratio",
                    label="back for one",
                    meaning="earned over spent",
                    unit=Unit.RATIO,
                    low="return_low",
                    high="return_high",
                ),
                Column(name="verdict", label="verdict", meaning="pays, does not pay, or cannot tell"),
            ),
        ),
    }
