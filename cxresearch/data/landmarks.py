"""Customers at landmarks: the one place where scores are joined to what happened later."""

from __future__ import annotations

from cxresearch.results.landmarks import Landmarks

__all__ = ["Landmarks"]
