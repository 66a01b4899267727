"""A PET and its CT from DICOM to prepared volumes, beside decoding and resampling alone: `python benchmarks/petct.py`.

Made here: 300 slices of 400 x 400 PET in Bq/ml, each with a slope of its own, and of 512 x 512 CT in one frame of reference, a
body with a scanner's noise.  `ours` is `pet.prepare` and `pet_ct.prepare` into files: SUV, balance, regions, both projections,
HU that are looked at, the CT on the PET's grid, compressed.  `bare` reads the same files by pydicom, scales them and brings
each volume through one linear resampling of torch, and checks and writes nothing.  Each runs in a process of its own, in
processor time; they take turns, and the best of some rounds counts.  Both must give the same SUV and, where the CT is smooth,
the same HU.

Claimed: ours takes at most 1.5 times the time of the bare way, and less than 2 GB; ten slices of what was prepared, of both
volumes, are read in less than 20 ms and both projections in less than 1 s, without the slices.  It exits with 1 where one is
broken.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from slices import milliseconds

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "imaging"), str(ROOT)]

DEPTH, PET_SIDE, CT_SIDE = 300, 400, 512
#: Millimetres of slices, of the PET's pixels and of the CT's.
STEP, PET_MM, CT_MM = 3.27, 1.75, 0.9765625
TIMES, MEGABYTES, TEN_MS, MIPS_MS = 1.5, 2048, 20.0, 1000.0
ROUNDS = 15
TEN = range(15, DEPTH, DEPTH // 10)
FACTOR = 70_000 / (370e6 * 2 ** (-3600 / 6586.2))


def parts(side: int, millimetres: float) -> tuple[np.ndarray, np.ndarray]:
    """Body and lungs of a slice."""
    y, x = (np.mgrid[:side, :side] - (side - 1) / 2) * millimetres
    body = (x / 190) ** 2 + (y / 130) ** 2 < 1
    lungs = ((np.abs(x) - 80) / 55) ** 2 + (y / 90) ** 2 < 1
    return body, lungs


def write(folder: Path) -> None:
    """Both series."""
    import petct_files
    from ct_series import setting

    rng = np.random.default_rng(0)
    body, lungs = parts(PET_SIDE, PET_MM)
    suv = np.where(body, np.where(lungs, 0.5, 1.0), 0.01) * rng.uniform(0.7, 1.3, body.shape)
    body, lungs = parts(CT_SIDE, CT_MM)
    hu = np.where(body, np.where(lungs, -850, 40), -1000) + rng.normal(0, 15, body.shape)
    for name, make, values in (("pet", petct_files.pet_slice, suv), ("ct", petct_files.ct_slice, hu)):
        millimetres, side = (PET_MM, PET_SIDE) if name == "pet" else (CT_MM, CT_SIDE)
        corner = [-(side - 1) / 2 * millimetres] * 2
        header = make(0, 300.0)
        (folder / name).mkdir()
        for number in range(DEPTH):
            plane = np.roll(values, 3 * (number % 3), 0) if name == "pet" else values
            slope = 3.0 + number % 4
            words = np.rint(plane / FACTOR / slope) if name == "pet" else np.rint(np.maximum(plane, -1024) + 1024)
            tags: dict[str, Any] = {"Rows": side, "Columns": side, "PixelSpacing": [millimetres] * 2}
            tags |= {
                "ImagePositionPatient": [*corner, -STEP * number],
                "SOPInstanceUID": f"{header.SeriesInstanceUID}.{number}",
            }
            tags |= {"RescaleSlope": slope} if name == "pet" else {}
            ds = setting(**tags)(header, number)
            assert ds is not None
            ds.PixelData = words.astype(np.uint16).tobytes()
            ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
            ds.save_as(folder / name / f"IM{number:04}", enforce_file_format=True)


def ours(folder: Path) -> dict[str, Any]:
    """Prepare both volumes as the stage does."""
    import petct_files

    from docphim.imaging import pet, pet_ct, store
    from docphim.imaging.io.locations import pair

    of_pet, of_ct = (petct_files.series_in(folder / name) for name in ("pet", "ct"))
    start = time.process_time()
    for name, module, place in (("pet", pet, of_pet), ("pet_ct", pet_ct, pair(of_ct, of_pet))):
        stream, facts = module.prepare(place, module.Settings(), "")  # type: ignore[attr-defined]
        blocks, _ = store.packed(store.compressed(stream), {"shape": list(stream.shape), **facts})
        (folder / f"{name}.b2nd").write_bytes(b"".join(blocks))
    return {"seconds": time.process_time() - start}


def bare(folder: Path) -> dict[str, Any]:
    """Decode, scale, and one linear resampling of each volume onto the PET's grid."""
    import pydicom
    import torch

    torch.set_num_threads(1)
    start = time.process_time()
    volumes = []
    for name in ("pet", "ct"):
        read = [pydicom.dcmread(path) for path in (folder / name).iterdir()]
        read.sort(key=lambda ds: -float(ds.ImagePositionPatient[2]))
        side = int(read[0].Rows)
        array = np.empty((DEPTH, side, side), np.float32)
        for plane, ds in zip(array, read, strict=True):
            plane[...] = ds.pixel_array * np.float32(ds.RescaleSlope) + np.float32(ds.RescaleIntercept)
        volumes.append(array)
    suv = volumes[0] * np.float32(FACTOR)
    covered = round(CT_SIDE * CT_MM / PET_MM)
    shapes = ((DEPTH, PET_SIDE, PET_SIDE), (DEPTH, covered, covered))
    resampled = [
        torch.nn.functional.interpolate(torch.from_numpy(array)[None, None], shape, mode="trilinear")[0, 0].numpy()
        for array, shape in zip((suv, volumes[1]), shapes, strict=True)
    ]
    seconds = time.process_time() - start
    middle = resampled[1][TEN.start, covered // 2, covered // 2 - 20 : covered // 2 + 20]
    return {"seconds": seconds, "suv": [float(plane.sum()) for plane in resampled[0][TEN]], "hu": float(middle.mean())}


def run(way: str, folder: Path) -> dict[str, Any]:
    """One way in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--way", way, "--folder", str(folder)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def check_same(folder: Path, other: dict[str, Any]) -> None:
    """Whether both ways did the same work."""
    from docphim.imaging import mip, store

    pet, ct = (store.open_prepared(folder / f"{name}.b2nd") for name in ("pet", "pet_ct"))
    assert pet.shape == ct.shape == (DEPTH, PET_SIDE, PET_SIDE)
    np.testing.assert_allclose(pet.slices(TEN).sum((1, 2), dtype=np.float64), other["suv"], rtol=1e-4)
    middle = ct.slices([TEN.start])[0, PET_SIDE // 2, PET_SIDE // 2 - 20 : PET_SIDE // 2 + 20]
    assert abs(middle.mean() - other["hu"]) < 8, "the CT lies elsewhere"
    np.testing.assert_array_equal(pet.beside(mip.CORONAL)[TEN], pet.slices(TEN).max(1))
    assert pet.meta["how"]["balance"] == "checked" and ct.meta["how"]["overlap"] == 1.0 and "regions" in ct.meta["how"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=("ours", "bare"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        answer = {"ours": ours, "bare": bare}[options.way](options.folder)
        print(json.dumps(answer | {"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return
    from docphim.imaging import mip, store

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        runs = [{way: run(way, folder) for way in ("ours", "bare")} for _ in range(options.rounds)]
        check_same(folder, runs[0]["bare"])
        best = {way: min(turn[way]["seconds"] for turn in runs) for way in ("ours", "bare")}
        most = {way: max(turn[way]["megabytes"] for turn in runs) for way in ("ours", "bare")}
        both = [folder / f"{name}.b2nd" for name in ("pet", "pet_ct")]
        ten = milliseconds(lambda: [store.open_prepared(path).slices(TEN) for path in both], ROUNDS)
        mips = milliseconds(lambda: [store.open_prepared(both[0]).beside(view) for view in mip.NAMES], ROUNDS)
        size = sum(path.stat().st_size for path in both) / 1e6
    ratio = best["ours"] / best["bare"]
    print(f"ours {best['ours']:.2f} s, bare {best['bare']:.2f} s: {ratio:.2f} times (at most {TIMES})")
    print(f"memory: ours {most['ours']:.0f} MB (at most {MEGABYTES}), bare {most['bare']:.0f} MB; on disk {size:.0f} MB")
    print(f"ten slices of both volumes {ten:.1f} ms (at most {TEN_MS:g}); both projections {mips:.2f} ms (at most {MIPS_MS:g})")
    sys.exit(ratio > TIMES or most["ours"] > MEGABYTES or ten > TEN_MS or mips > MIPS_MS)


if __name__ == "__main__":
    main()
