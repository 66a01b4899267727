"""The lesions of a PET/CT: how large and avid each is, how it comes out of the scanner's blur, how it looks on the CT."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from docphim.package_data import packaged
from docphim.phantom.body import Array
from docphim.phantom.ct.space import Slab, Space
from docphim.study import Finding

Point = tuple[float, float, float]
#: Points of a voxel's edge at which it is asked whether it lies in a lesion.
_PARTS = 4
#: A lesion has a voxel where it fills half of it.
HALF = 0.5
#: Uptake that a reader calls increased is so many times that of the tissue around, at least.
SEEN = 1.3
#: A lesion without uptake of its own measures as muscle does.
_COLD = 0.8


@dataclass(frozen=True)
class Placed:
    """One lesion: its finding, its middle in standard mm, half axes (x, y, z) in real mm, and the SUVmax it is to have.

    `target` is None for a lesion without uptake.  The rest is what came out on the PET's grid: `suv_max` before the noise,
    `around` the SUV beside it, `first` (z, y, x) the corner of its `mask`.
    """

    finding: Finding
    number: int
    site: str
    centre: Point
    radii: Point
    target: float | None
    lobe: str | None = None
    level: int | None = None
    suv_max: float = 0.0
    around: float = 0.0
    first: tuple[int, int, int] = (0, 0, 0)
    mask: NDArray[np.bool_] | None = None

    @property
    def zone(self) -> str | None:
        """The zone it lies in, for a lung's the lobe."""
        return self.lobe or self.finding.zone

    @property
    def key(self) -> str:
        """Name with its side, as labels call it."""
        return f"{self.site}_{self.finding.side}" if self.finding.side else self.site

    @property
    def size_mm(self) -> tuple[float, float]:
        """The two diameters a reader measures on an axial slice, the longer one first."""
        a, b, _ = sorted(self.radii, reverse=True)
        return 2 * a, 2 * b

    @property
    def seen(self) -> bool:
        """Whether the scan shows it: it has a voxel, or takes up clearly more than what lies around."""
        return bool(self.mask is not None and self.mask.any()) or self.suv_max >= SEEN * self.around


def sites() -> dict[str, dict[str, Any]]:
    """The rows of `sites.yaml`."""
    rows: dict[str, dict[str, Any]] = packaged(Path(__file__).parent / "sites.yaml")
    return rows


def cover(space: Space, lesion: Placed, margin: Point) -> tuple[tuple[slice, slice, slice], Array] | None:
    """The share of each voxel that a lesion fills, in a box with `margin` mm (z, y, x) around it; None where it is outside."""
    centre, radii = lesion.centre, [r / s for r, s in zip(lesion.radii, space.scale, strict=True)]
    parts, at = [], []
    for i, (axis, m, scale) in enumerate(
        zip((space.z, -space.y, space.x), margin, (space.scale[2], space.scale[1], space.scale[0]), strict=True)
    ):
        middle = (centre[2], -centre[1], centre[0])[i]
        reach = (radii[2], radii[1], radii[0])[i] + m / scale
        cut = slice(int(np.searchsorted(axis, middle - reach)), int(np.searchsorted(axis, middle + reach, side="right")))
        if cut.stop <= cut.start:
            return None
        step = space.step[i]
        fine = (axis[cut][:, None] + (np.arange(_PARTS) + 0.5) / _PARTS * step - step / 2).ravel()
        parts.append(np.square((fine - middle) / (radii[2], radii[1], radii[0])[i]))
        at.append(cut)
    inside = parts[0][:, None, None] + parts[1][None, :, None] + parts[2][None, None, :] < 1
    shape = tuple(v for cut in at for v in (cut.stop - cut.start, _PARTS))
    return (at[0], at[1], at[2]), inside.reshape(shape).mean(axis=(1, 3, 5), dtype=np.float32)


def bloom(volume: Array, space: Space, lesions: list[Placed], sigma: tuple[float, ...]) -> list[Placed]:
    """Put lesions into a blurred PET so that, blurred themselves, each has its SUVmax; returns them as they came out.

    The blur is linear: a lesion of SUV a adds blur(cover * (a - background)), and a is solved for.
    """
    margin = tuple(4 * s * mm for s, mm in zip(sigma, space.spacing, strict=True))
    shown: list[tuple[Placed, tuple[slice, slice, slice], NDArray[np.bool_]]] = []
    for lesion in lesions:
        made = cover(space, lesion, margin)  # type: ignore[arg-type]
        if made is None or not made[1].any():
            continue
        at, share = made
        mask = share >= min(HALF, float(share.max()))
        here = volume[at]
        around = float(np.median(here[share == 0])) if (share == 0).any() else float(here.mean())
        spread = ndimage.gaussian_filter(share, sigma, truncate=3.0)
        base = here - ndimage.gaussian_filter(share * here, sigma, truncate=3.0)
        wanted = lesion.target if lesion.target is not None else _COLD
        height = _height(base, spread, mask, wanted, lesion.target is None)
        here[...] = np.maximum(base + height * spread, 0)
        shown.append((replace(lesion, around=around), at, mask))
    out = []
    for lesion, at, mask in shown:
        corner = tuple(int(part.start) for part in at)
        out.append(replace(lesion, suv_max=float(volume[at][mask].max()), first=corner, mask=mask))  # type: ignore[arg-type]
    return out


def _height(base: Array, spread: Array, mask: NDArray[np.bool_], wanted: float, cold: bool) -> np.float32:
    """The lesion's own SUV with which base + height * spread reaches `wanted` at its highest; never a negative one."""
    if cold:
        return np.float32(wanted)
    return np.float32(max(float(np.min((wanted - base[mask]) / np.maximum(spread[mask], 1e-3))), 0.0))


def paint_ct(slab: Slab, lesions: list[Placed]) -> None:
    """Lay lesions into a slab of the CT: soft tissue of the site's HU, a little uneven."""
    for lesion in lesions:
        site = sites()[lesion.site]
        radii = tuple(r / s for r, s in zip(lesion.radii, slab.space.scale, strict=True))
        shaped = slab.ball_cover(lesion.centre, radii, 0.03)
        if shaped is not None:
            slab.fill(*shaped, float(site["hu"]))
