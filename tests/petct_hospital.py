"""A hospital's folder of PET/CT with a table of reports, made up, and a recipe that reads it with a tiny model."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from petct_files import write_ct, write_pet
from program import TINY, Program

#: Coarser than a scanner's, mm from the vertex.
PET_SLICES, CT_SLICES = np.arange(260, 545, 14), np.arange(254, 560, 14)
#: What a recipe says of a run on pairs, and of one on PET alone.
PAIRED = {
    "read": "pet, pet_ct",
    "prepare": "{pet: {show: {count: 3}}, pet_ct: {}}",
    "tasks": "findings, impression_from_findings",
}
ALONE = {"read": "pet", "prepare": "{pet: {show: {count: 3}}}", "tasks": "findings"}
RECIPE = """name: {name}
source: {{kind: folder, path: {source}, modalities: [{read}], columns: {{text: Report}}, key_file: {key}}}
split: {{by: patient, fractions: [0.5, 0.1, 0.4]}}
prepare: {prepare}
tasks: [{tasks}]
prompts: docphim
prompt_with: [indication, weight, dose]
model: {{family: qwen_vl}}
train: {{precision: fp32}}
"""
#: A tiny model, and no setting of films.
_SMALL = [part for setting in TINY if "long_side" not in setting for part in ("--set", setting)]


def write(root: Path, studies: int, without_ct: tuple[int, ...] = ()) -> Path:
    """Chests of so many patients, `BN00` and on, with a report each; some without a CT."""
    rows = [["Mã", "Report"]]
    for patient in range(studies):
        write_pet(root / f"BN{patient:02}" / "pet", _of(patient), PET_SLICES)
        if patient not in without_ct:
            write_ct(root / f"BN{patient:02}" / "ct", _of(patient), CT_SLICES)
        nodule = f"Nốt thùy trên phổi phải {8 + patient} mm, tăng chuyển hóa FDG (SUVmax {2 + patient / 4:.1f})."
        regions = f"Đầu - cổ: Không thấy hạch.\nLồng ngực: {nodule}"
        rows.append([f"BN{patient:02}", f"Chỉ định: U phổi.\nMô tả hình ảnh:\n{regions}\nKết luận: Nốt phổi {patient}."])
    with open(root / "reports.csv", "w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    return root


def _of(patient: int):
    """A change of every slice's header: whose it is."""

    def change(ds, number):
        ds.PatientID, ds.PatientName, ds.StudyInstanceUID = f"P{patient}", f"P{patient}^X", f"1.2.77.{patient}"
        ds.SOPInstanceUID, ds.FrameOfReferenceUID = f"{ds.SOPInstanceUID}.{patient}", f"1.2.78.{patient}"
        ds.SeriesInstanceUID = f"{ds.SeriesInstanceUID}.{patient}"
        return ds

    return change


def run(program: Program, source: Path, name: str, values: dict[str, str], *more: str) -> None:
    """Run the recipe to its end, or as `more` of the command says."""
    path = program.folder / f"{name}.yaml"
    path.write_text(RECIPE.format(name=name, source=source, key=program.folder / "secret" / "key", **values), encoding="utf-8")
    answer = program("run", path, *more, *_SMALL, tiny=False)
    assert answer.returncode == 0, answer.stderr
