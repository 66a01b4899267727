"""Stage 5: drafted answers for every example, image and context (`docphim generate RECIPE`); one backend a file."""

from __future__ import annotations

from docphim.generate.stage import generate

__all__ = ["generate"]
