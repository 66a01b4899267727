"""A ViMed-PET as its mirror lies on disk, of made-up bodies: table, arrays without spacing, reports, a download's faults."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = ("name", "sex", "height", "weight", "year", "pet_path", "ct_path", "report_path", "report_en_path")
REGIONS = {
    "Đầu - cổ": "Không thấy hạch cổ. Tuyến giáp bình thường.",
    "Lồng ngực": "Nốt thùy trên phổi phải 12 mm, tăng chuyển hóa FDG (SUVmax: 6,2).",
    "Ổ bụng - khung chậu": "Gan không to, không thấy khối.",
    "Hệ cơ - xương": "Không thấy tổn thương tăng chuyển hóa FDG.",
}
REGIONS_EN = {
    "Head - Neck": "No cervical node. Normal thyroid.",
    "Chest": "Nodule of the right upper lobe, 12 mm, increased FDG uptake (SUVmax: 6.2).",
    "Abdomen - Pelvis": "Normal liver.",
    "Musculoskeletal": "No lesion with increased FDG uptake.",
}


def report(**changes: Any) -> dict[str, Any]:
    """A report as the dataset has it; a region or a section given as None is left out."""
    regions = {key: text for key, text in (REGIONS | changes).items() if key in REGIONS and text is not None}
    whole = {"Mô tả hình ảnh": regions, "Nhận định kết quả": "Theo dõi u phổi phải."}
    whole |= {key: value for key, value in changes.items() if key not in REGIONS}
    return {key: value for key, value in whole.items() if value is not None}


def body(number: int, slices: int = 24, side: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """A PET (raw numbers) and its CT (HU) of twice as many rows and columns: an ellipse with a bright spot."""
    rng = np.random.default_rng(number)
    y, x = np.ogrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    inside = np.broadcast_to((x / 0.8) ** 2 + (y / 0.6) ** 2 < 1, (slices, side, side))
    pet = np.where(inside, 900, 0) + rng.integers(0, 60, inside.shape)
    spot = slices // 2 + number % 5 - 2
    pet[spot, side // 2 - 2 : side // 2 + 2, side // 3 : side // 3 + 3] = 9000 + 200 * (number % 7)
    ct = np.where(inside, 40, -1000) + rng.integers(-8, 8, inside.shape)
    return pet.astype(np.int16), np.repeat(np.repeat(ct, 2, 1), 2, 2).astype(np.int16)


class Tree:
    """The dataset under `root`; what `add` is not told is as it usually is."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rows: list[dict[str, Any]] = []

    def add(
        self, number: int, in_year: int = 2017, in_month: int = 9, *, said: Any = None, volumes: bool = True, **cells: Any
    ) -> dict[str, Any]:
        """A study `patient_NUMBER`, its row, report (`said`: an object, or bytes of the file) and volumes.

        `cells` of the row may say otherwise than where the files lie.
        """
        folder = f"PETCT{in_year}/THANG {in_month}"
        stem = f"day_{number % 28 + 1}_patient_{number}"
        row = {
            "name": f"patient_{number}",
            "sex": "F" if number % 2 else "M",
            "height": "1.6",
            "weight": "52.0",
            "year": str(in_year),
            "pet_path": f"{folder}/PET/{stem}.npz",
            "ct_path": f"{folder}/CT/{stem}.npz",
            "report_path": f"{folder}/reports/{stem}.json",
            "report_en_path": f"{folder}/reports_en/{stem}.json",
        }
        self.rows.append(row | cells)
        english = {"Findings": REGIONS_EN, "Impression": f"Follow-up of a right lung tumour, {number}."}
        for path, what in ((row["report_path"], report() if said is None else said), (row["report_en_path"], english)):
            if what != b"":
                self._file(path).write_bytes(what if isinstance(what, bytes) else json.dumps(what, ensure_ascii=False).encode())
        if volumes:
            for path, array in zip((row["pet_path"], row["ct_path"]), body(number), strict=True):
                np.savez_compressed(self._file(path), data=array)
        return row | cells

    def _file(self, path: str) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def write(self, columns: tuple[str, ...] = COLUMNS) -> Path:
        """The table."""
        self.root.mkdir(parents=True, exist_ok=True)
        with open(self.root / "metadata.csv", "w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(self.rows)
        return self.root
