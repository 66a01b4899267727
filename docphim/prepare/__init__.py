"""Stage 2: one prepared file per film, with units and a record of how it was made (`docphim prepare RECIPE`)."""

from docphim.prepare.stage import VERSION, prepare

__all__ = ["VERSION", "prepare"]
