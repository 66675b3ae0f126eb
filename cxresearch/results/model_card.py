"""A page about a model: what it learnt from, how well it does, and what it must not be used for."""

from __future__ import annotations

from dataclasses import dataclass

from cxresearch.results.base import Result


@dataclass(frozen=True, kw_only=True, repr=False)
class ModelCard(Result):
    """Facts about a churn model in sections, in Markdown when printed.

    Attributes
    ----------
    title : str
    sections : tuple of (str, tuple of str)
        Heading and lines, in order: purpose, data, features, split, metrics, groups, alarms, limits.
    """

    title: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]

    def __str__(self) -> str:
        parts = [f"# {self.title}"]
        for heading, lines in self.sections:
            parts.append(f"## {heading}\n\n" + "\n".join(f"- {line}" for line in lines))
        return "\n\n".join(parts) + "\n"

    __repr__ = __str__
