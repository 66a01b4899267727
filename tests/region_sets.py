"""A prepared dataset of whole-body PET/CT by its rows alone: regions, reports by region, no pixels."""

import numpy as np

from docphim.files import write_jsonl
from docphim.study import Report, Series, Study, to_row

REGIONS = {"head_neck": [0, 40], "chest": [30, 110], "abdomen_pelvis": [90, 220], "limbs": [200, 259], "flags": ["arms_up"]}
DEFAULT = {
    "tasks": ["region_findings"],
    "prompts": "docphim",
    "language": "vi",
    "split_by": "patient",
    "fractions": (0.6, 0.2, 0.2),
    "seed": 0,
    "settings": {"pet": {}, "pet_ct": {}},
}


def report(n: int) -> str:
    """A different one for each study, listed by regions."""
    return (
        f"Đầu - cổ: Không thấy hạch cổ to, ca {n}.\n"
        f"Lồng ngực: {'Nốt phổi phải' if n % 4 < 2 else 'Không thấy nốt phổi, hạch'} {n + 5} mm.\n"
        f"Ổ bụng - khung chậu: Gan bình thường, ca {n}.\n"
        f"Hệ cơ - xương: Xương đùi trái có ổ tiêu xương {n + 3} mm."
    )


def make(folder, count=10, *, of_pet=None, regions=None, ct=True):
    """`regions` maps a study's number to those of its CT; `of_pet` are the PET's of all."""
    studies, index = [], []
    for n in range(count):
        name = f"s{n:02d}"
        series = [Series(f"{name}-{kind}", kind, f"prepared/{name}-{kind}.b2nd", unit) for kind, unit in KINDS[: 1 + ct]]
        text = Report("vi", {"findings": report(n), "impression": f"Theo dõi {n}."})
        studies.append(to_row(Study(name, f"p{n:02d}", "M", 72, None, series, text, None, None, "test")))
        for of in series:
            divided = (of_pet or {**REGIONS, "chest": [0, 259]}) if of.modality == "pet" else (regions or {}).get(n, REGIONS)
            how = {"regions": divided} if divided else {}
            index.append(
                {"study": name, "series": of.id, "modality": of.modality, "path": of.path, "unit": of.unit, "sha256": of.id}
                | {"shape": [260, 128, 128], "spacing": [3.3, 4, 4], "frame_of_reference": name, "how": how}
            )
    write_jsonl(folder / "studies.jsonl", studies)
    write_jsonl(folder / "prepared" / "index.jsonl", index)
    rng = np.random.default_rng(0)
    for kind, _ in KINDS[: 1 + ct]:
        np.save(folder / "prepared" / f"thumbs-{kind}.npy", rng.random((count, 16, 16, 16), np.float32))
    return folder


KINDS = [("pet", "SUV"), ("pet_ct", "HU")]
