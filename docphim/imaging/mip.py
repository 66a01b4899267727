"""Maximum intensity projections of a volume along y (coronal) and x (sagittal), made as its slices come."""

from __future__ import annotations

import numpy as np

#: Names of the pictures beside a volume's slices: (z, x) with the patient's right first, and (z, y) with the front first.
CORONAL, SAGITTAL = "mip_coronal", "mip_sagittal"
NAMES = (CORONAL, SAGITTAL)


class Mips:
    """Both projections, float32, gathered slice by slice in any order.

    Parameters
    ----------
    shape : (int, int, int)
        Slices, rows, columns.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        depth, rows, columns = shape
        self._coronal, self._sagittal = np.zeros((depth, columns), np.float32), np.zeros((depth, rows), np.float32)

    def take(self, number: int, plane: np.ndarray) -> None:
        """Take up a slice (rows, columns); the top one is number 0."""
        self._coronal[number], self._sagittal[number] = plane.max(0), plane.max(1)

    def pictures(self) -> dict[str, np.ndarray]:
        """The projections by their names."""
        return {CORONAL: self._coronal, SAGITTAL: self._sagittal}
