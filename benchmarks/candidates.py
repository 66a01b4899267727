"""How many lesions of phantom bodies are candidates, and how many candidates are none: `python benchmarks/candidates.py`.

Each body is scanned in memory and not written; a lesion is found where a candidate shares a voxel with its mask.  Asked for are
those that a reader calls avid and whose SUVmax reaches `--suv`.  False candidates share a voxel with no mask.  Of those whose
highest voxel lies in a lesion's mask the size is compared with the truth.  Processor time of `candidates.find` alone.

Claimed: 65 % of the lesions, at most 1.5 false candidates a scan, less than 10 s a scan.  It exits with 1 where that is broken.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from docphim.imaging.candidates import Rule, find
from docphim.phantom.pet.study import Taken, take

RECALL, FALSE, SECONDS = 0.65, 1.5, 10.0


def masks_of(body: Taken) -> np.ndarray:
    """The number of each lesion, from 1, in the PET's grid."""
    masks = np.zeros(body.emission.volume.shape, np.int16)
    for number, lesion in enumerate(body.emission.lesions, 1):
        assert lesion.mask is not None
        at = tuple(slice(first, first + size) for first, size in zip(lesion.first, lesion.mask.shape, strict=True))
        masks[at][lesion.mask] = number
    return masks


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=30)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--by", default="max")
    parser.add_argument("--suv", type=float, default=2.5)
    parser.add_argument("--without-ct", action="store_true")
    asked = parser.parse_args()
    wanted = hits = wrong = 0
    seconds, sizes, lost = [], [], Counter()
    for index in range(asked.scans):
        body = take(index, asked.seed, "pet_paper", size=128, step_mm=4.0, field_mm=500.0, seams=False)
        masks, lesions = masks_of(body), body.emission.lesions
        ct = None if asked.without_ct or body.transmission is None else body.transmission.volume
        start = time.process_time()
        seen = find(body.emission.volume, body.emission.space.spacing, Rule(by=asked.by, suv=asked.suv), ct=ct)
        seconds.append(time.process_time() - start)
        reached: set[int] = set()
        for row, spot in zip(seen.candidates, seen.spots, strict=True):
            here = {int(n) for n in np.unique(masks[spot.box][spot.mask])} - {0}
            wrong += not here
            reached |= here
            at = int(masks[tuple(row["at"].values())])
            sizes += [row["size_mm"][0] / lesions[at - 1].size_mm[0]] if at else []
        for number, lesion in enumerate(lesions, 1):
            if lesion.target is not None and lesion.seen and lesion.suv_max >= asked.suv:
                wanted, hits = wanted + 1, hits + (number in reached)
                lost[lesion.site] += number not in reached
    recall, false = hits / max(wanted, 1), wrong / asked.scans
    print(f"{asked.by}: {hits} of {wanted} lesions ({recall:.0%}), {false:.2f} false candidates a scan")
    print(f"size / truth: median {np.median(sizes):.2f}, within 20 %: {np.mean(np.abs(np.array(sizes) - 1) <= 0.2):.0%}")
    print(f"{np.median(seconds):.2f} s a scan, {max(seconds):.2f} at most; lost: {dict(+lost)}")
    return int(recall < RECALL or false > FALSE or max(seconds) > SECONDS)


if __name__ == "__main__":
    sys.exit(main())
