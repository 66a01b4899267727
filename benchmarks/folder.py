"""Ingest of a folder of small films: processor seconds and memory, for FILES films and a quarter of them, half DICOM, half PNG.

    python benchmarks/folder.py [FILES]

Promised: four times the films take at most 5 times the seconds, and 20,000 films less than 300 MB; where that is not held it
ends with 1.  Half of the films are DICOM, half PNG; a CSV speaks of every one, a document of one in a hundred.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

FILES = 2_000
MOST_TIMES, MEGABYTES = 5.0, 300
PER_FOLDER = 50

READ = """
import json, resource, sys, time
from pathlib import Path
from docphim.files import read_json
from docphim.ingest import ingest
folder = Path(sys.argv[1])
options = {"path": str(folder / "source"), "key_file": str(folder / "secret" / "key")}
start = time.process_time()
ingest("folder", options, folder / "data" / "name" / "key", language="vi", split_by_source=False)
seconds = time.process_time() - start
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
notes = read_json(folder / "data" / "name" / "key" / "ingest_notes.json")
print(json.dumps({"studies": notes["studies"], "refused": notes["rejected"], "seconds": seconds, "megabytes": memory}))
"""


def write(folder: Path, count: int) -> None:
    """A source of `count` studies of one film each, with their reports."""
    rows = []
    for number in range(count):
        place = folder / f"{number // PER_FOLDER:04}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = np.full((16, 16), number % 251, np.uint8)
        if number % 2:
            Image.fromarray(pixels).save(place / f"N{number:06}.png")
        else:
            write_dicom(place / f"N{number:06}.dcm", number, pixels)
        findings = f"Bóng tim không to. Hai phổi sáng đều, góc sườn hoành nhọn. Dải mờ nhỏ thứ {number}."
        if number % 100 == 99:
            (place / f"N{number:06}.txt").write_text(findings, encoding="utf-8")
        else:
            rows.append([f"N{number:06}", "NGUYỄN VĂN MẪU", str(20 + number % 70), findings, f"Theo dõi {number}."])
    with open(folder / "reports.csv", "w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([["Mã", "Họ tên", "Tuổi", "Mô tả", "Kết luận"], *rows])


def write_dicom(path: Path, number: int, pixels: np.ndarray) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.3680043.10.1.{number + 1}"
    film = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    film.SOPClassUID, film.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    film.StudyInstanceUID, film.Modality, film.PatientID = f"1.2.826.0.1.3680043.10.2.{number + 1}", "DX", f"P{number:06}"
    film.PatientName, film.StudyDate, film.PatientAge = "NGUYEN^VAN MAU", "20240305", "060Y"
    film.Rows, film.Columns = pixels.shape
    film.BitsAllocated = film.BitsStored = 8
    film.HighBit, film.PixelRepresentation, film.SamplesPerPixel = 7, 0, 1
    film.PhotometricInterpretation, film.PixelData = "MONOCHROME2", pixels.tobytes()
    film.save_as(path, enforce_file_format=True)


def measure(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "source", count)
        done = subprocess.run([sys.executable, "-c", READ, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result: dict[str, float] = json.loads(done.stdout)
    assert result["studies"] == count and not result["refused"], result
    return result


def main() -> int:
    files = int(sys.argv[1]) if sys.argv[1:] else FILES
    few, many = measure(files // 4), measure(files)
    for count, result in ((files // 4, few), (files, many)):
        print(f"{count:7,} films  {result['seconds']:.2f} s  {result['megabytes']:.0f} MB")
    times = many["seconds"] / few["seconds"]
    print(f"four times the films take {times:.2f} times the seconds")
    return 0 if times < MOST_TIMES and many["megabytes"] < MEGABYTES else 1


if __name__ == "__main__":
    sys.exit(main())
