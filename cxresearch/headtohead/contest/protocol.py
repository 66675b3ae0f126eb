"""What will be compared and how, written down and hashed before anybody looks at outcomes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxresearch.checks import check_choice, check_level, check_number
from cxresearch.data.landmarks.landmark_outcomes import outcome_named
from cxresearch.data.landmarks.landmarks import Landmarks, require_landmarks
from cxresearch.errors import ArgumentError, DataError
from cxresearch.headtohead.contest.comparison import Comparison
from cxresearch.headtohead.contest.contest import USUAL_METRICS, checked_censoring, compare
from cxresearch.headtohead.contest.forms import FORMS
from cxresearch.headtohead.contest.weighed_rows import MARGINAL
from cxresearch.results.result import facts_html

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_LISTS = ("scores", "primary", "horizon_days", "sensitivity_forms", "exclusions")


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A contest as planned.

    Parameters
    ----------
    scores : tuple of str
        The contestants.
    primary : tuple of str, optional
        The contrast that decides; by default the first two scores.
    horizon_days : tuple of float
        The first is the primary one.
    window_days : float, optional
        Greatest age of an answer. Compared with the landmarks, as `every` is.
    every : str
        How landmarks are placed.
    form : {"raw", "top_box", "categories", "matched", "spline"}
        Form of the scores in the primary contrast.
    sensitivity_forms : tuple of str
        Forms to be shown beside it.
    margin, level : float
        Largest difference of AUC that counts as none; confidence level.
    clusters : str
        Column whose rows depend on each other.
    censoring : "marginal" or tuple of str
        What being followed may depend on; see :func:`cxresearch.compare`.
    exclusions : tuple of str
        Rows that are left out, in words.
    multiplicity : {"holm"}
        Correction over the contrasts that are not primary.
    estimand, notes : str
        In words, for the record.
    outcome : str
        What the landmarks follow; see :func:`cxresearch.landmark`.

    Raises
    ------
    ArgumentError
        If a field makes no sense.

    Examples
    --------
    >>> plan = Protocol(scores=("ces", "nps"), horizon_days=(180,))
    >>> plan.primary, len(plan.sha256)
    (('ces', 'nps'), 64)
    """

    scores: tuple[str, ...]
    horizon_days: tuple[float, ...]
    primary: tuple[str, str] | tuple[()] = ()
    window_days: float | None = None
    every: str = "quarter"
    form: str = "raw"
    sensitivity_forms: tuple[str, ...] = ("top_box", "categories", "matched")
    margin: float = 0.02
    level: float = 0.95
    clusters: str = "customer_id"
    censoring: str | tuple[str, ...] = MARGINAL
    exclusions: tuple[str, ...] = ()
    multiplicity: str = "holm"
    estimand: str = (
        "difference of AUC for voluntary churn within the horizon after the landmark, controls followed past "
        "it, on the same rows, scores turned by their declared direction"
    )
    notes: str = ""
    outcome: str = "churn"
    path: Path | None = field(default=None, compare=False, repr=False)
    #: Whether `primary` was given or frozen in a file, rather than left to the order of `scores`.
    primary_named: bool = field(init=False, default=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in _LISTS:
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "censoring", checked_censoring(self.censoring))
        object.__setattr__(self, "horizon_days", tuple(float(value) for value in self.horizon_days))
        if len(self.scores) < 2 or len(set(self.scores)) < len(self.scores):
            raise ArgumentError(
                f"scores is {list(self.scores)}",
                wanted="two or more different instruments",
                next_step="name two that were asked (in a report: --set contestants=a,b); if the study has "
                "fewer, declare their scales in [instruments] and map their answers as table responses; one "
                "score alone is judged by cx.contest.score_vs_churn and the report score-vs-churn",
            )
        object.__setattr__(self, "primary_named", bool(self.primary))
        object.__setattr__(self, "primary", self.primary or self.scores[:2])
        if len(set(self.primary)) != 2 or not set(self.primary) <= set(self.scores):
            raise ArgumentError(f"primary is {list(self.primary)}", wanted="two of the scores")
        if not self.horizon_days:
            raise ArgumentError("horizon_days is empty", wanted="one or more numbers of days")
        for value in self.horizon_days:
            check_number("horizon_days", value, above=0)
        noun = outcome_named(self.outcome).noun
        if self.outcome != "churn":
            object.__setattr__(self, "estimand", self.estimand.replace("voluntary churn", noun))
        check_level(self.level)
        check_number("margin", self.margin, above=0, below=0.5)
        check_choice("multiplicity", self.multiplicity, ("holm",))
        for form in (self.form, *self.sensitivity_forms):
            check_choice("form", form, FORMS)

    def compare(
        self,
        marks: Landmarks,
        *,
        weights: str | ArrayLike | None = None,
        metrics: Sequence[str] = USUAL_METRICS,
    ) -> Comparison:
        """Hold the contest as planned, record the look, and say what deviates from the plan.

        Parameters
        ----------
        marks : Landmarks
        weights, metrics
            As in :func:`cxresearch.compare`; everything else the plan settles.

        Returns
        -------
        Comparison
            With ``protocol_sha256`` and ``deviations``.

        Raises
        ------
        ArgumentError, DataError
            As :func:`cxresearch.compare`.

        Examples
        --------
        >>> import cxresearch as cx
        >>> marks = cx.synthetic.synthetic_landmarks(seed=1, customers=2_000, scenario="base")
        >>> plan = cx.Protocol(scores=("ces", "nps"), horizon_days=(365.25,), every="once")
        >>> plan.compare(marks, metrics=()).deviations
        ('the plan was not written to a file, so nobody can tell whether it came before the data',)
        """
        require_landmarks(marks)
        # The look is recorded first: whoever sees no result has still asked for it.
        changed = self.look(marks.name or f"{marks.n_rows} rows")
        comparison = compare(
            marks,
            self.scores,
            horizon_days=self.horizon_days,
            level=self.level,
            margin=self.margin,
            clusters=self.clusters,
            primary=(self.primary or None) if self.primary_named else None,
            form=self.form,
            weights=weights,
            censoring=self.censoring,
            metrics=metrics,
        )
        deviations = (*changed, *self.deviations(marks))
        return dataclasses.replace(comparison, protocol_sha256=self.sha256, deviations=deviations)

    def settings(self) -> dict[str, Any]:
        """Return the fields that count, as plain values; where the file lies is not one of them."""
        plain = dataclasses.asdict(self)
        del plain["path"], plain["primary_named"]
        # Plans frozen before other outcomes could be planned keep their hash.
        if self.outcome == "churn":
            del plain["outcome"]
        return {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}

    def _repr_html_(self) -> str:
        days = ", ".join(f"{value:g}" for value in self.horizon_days)
        main_pair = " against ".join(self.primary)
        if not self.primary_named:
            main_pair += ", the first two as listed"
        where = "not written to a file"
        if self.path is not None:
            where = f"in {self.path.name}"
        oldest = ""
        if self.window_days is not None:
            oldest = f"{self.window_days:g} days"
        facts = {
            "scores": ", ".join(self.scores),
            "main pair": main_pair,
            "horizon": f"{days} days, landmarks every {self.every}",
            "oldest answer": oldest,
            "form": self.form,
            "margin": f"{self.margin:g} of AUC, {100 * self.level:g} % level",
            "left out": ", ".join(self.exclusions),
            "estimand": self.estimand,
            "notes": self.notes,
            "SHA-256": f"{self.sha256[:12]}, {where}",
        }
        return facts_html("Protocol of a comparison", facts)

    @property
    def sha256(self) -> str:
        """Hash of the settings, whatever the layout of the file."""
        # Sorted and without spaces, so that the layout of the file does not matter.
        canonical = json.dumps(self.settings(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def to_toml(self) -> str:
        """Return the protocol as TOML with its hash."""
        lines = ["# Frozen plan of a comparison. A change after the first look is reported.", "[protocol]"]
        lines += [
            f"{key} = {json.dumps(value, ensure_ascii=False)}"
            for key, value in self.settings().items()
            if value is not None
        ]
        return "\n".join([*lines, "", "[frozen]", f'sha256 = "{self.sha256}"', ""])

    def write(self, path: str | Path) -> Protocol:
        """Write the protocol and return it with its path, so that looks are recorded beside the file.

        Raises
        ------
        DataError
            If the file exists: a frozen plan is not overwritten.
        """
        target = Path(path)
        if target.exists():
            raise DataError(
                f"{target.name} exists already", next_step="read it, or write the new plan under a new name"
            )
        target.write_text(self.to_toml(), encoding="utf-8")
        return dataclasses.replace(self, path=target)

    def look(self, data: str) -> tuple[str, ...]:
        """Record that outcomes were looked at, and return what was changed since the first look.

        Looks are appended to ``<name>.looks.jsonl`` beside the protocol. A protocol that was never written
        has no memory, and says so.

        Parameters
        ----------
        data : str
            What identifies the data looked at.
        """
        if self.path is None:
            return ("the plan was not written to a file, so nobody can tell whether it came before the data",)
        journal = self.path.with_suffix(".looks.jsonl")
        earlier = _journal(journal)
        entry = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "data": data,
            "sha256": self.sha256,
            "settings": self.settings(),
        }
        with journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        if not earlier:
            return ()
        return self.changes(earlier[0])

    def changes(self, first: dict[str, Any]) -> tuple[str, ...]:
        """Say how this plan differs from the one at the first look."""
        then, now = first["settings"], self.settings()
        return tuple(
            f"{key} was {then.get(key)!r} at the first look on {first['at'][:10]} and is {now.get(key)!r}"
            for key in sorted(set(then) | set(now))
            if then.get(key) != now.get(key)
        )

    def deviations(self, marks: Landmarks) -> tuple[str, ...]:
        """Say where the landmark rows were not made as planned."""
        notes = []
        if self.window_days is not None and marks.window_days != self.window_days:
            notes.append(
                f"the plan has a window of {self.window_days:g} days, the rows one of {marks.window_days:g}"
            )
        if marks.outcome != self.outcome:
            notes.append(f"the plan is about {self.outcome}, the rows follow {marks.outcome}")
        if marks.every != self.every:
            notes.append(f"the plan has landmarks every {self.every!r}, the rows {marks.every!r}")
        return tuple(notes)


def read_protocol(path: str | Path) -> Protocol:
    """Read a protocol and check that its text still has the hash it was frozen with.

    Raises
    ------
    DataError
        If the file is missing, is no TOML, has unknown or missing fields, or was edited after it was frozen.

    Examples
    --------
    >>> import tempfile
    >>> plan = Protocol(scores=("ces", "nps", "csat"), horizon_days=(180,), primary=("ces", "nps"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = plan.write(Path(folder) / "plan.toml")
    ...     frozen = read_protocol(Path(folder) / "plan.toml")
    >>> frozen.sha256 == plan.sha256, frozen.primary
    (True, ('ces', 'nps'))
    """
    source = Path(path)
    try:
        content = tomllib.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"there is no protocol {source.name}", next_step="write one with Protocol.write"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{source.name} cannot be read as TOML: {error}") from None
    settings = content.get("protocol", {})
    fields = {item.name for item in dataclasses.fields(Protocol) if item.init} - {"path"}
    unknown = sorted(set(settings) - fields)
    lacking = sorted({"scores", "horizon_days"} - set(settings))
    faults = []
    if unknown:
        faults.append(f"unknown fields {', '.join(unknown)}")
    if lacking:
        faults.append(f"no {', '.join(lacking)}")
    if faults:
        raise DataError(f"{source.name} has {' and '.join(faults)}", wanted="the fields of cx.Protocol")
    protocol = Protocol(**settings, path=source)
    frozen = content.get("frozen", {}).get("sha256")
    # A change after the first look is no fault of the file: it is reported as a deviation.
    if frozen and frozen != protocol.sha256 and not _journal(source.with_suffix(".looks.jsonl")):
        raise DataError(
            f"{source.name} was edited after it was frozen",
            where=f"hash {protocol.sha256[:12]}, frozen {frozen[:12]}",
            next_step="no look is recorded yet, so freeze the new plan: Protocol.write under a new name",
        )
    return protocol


def _journal(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
