"""Numbers that a model wrote beside those that were filled from measurements, on the same references."""

from __future__ import annotations

import pytest
import scored_runs
from scored_runs import ScoredRun

from docphim.compare.table import compare
from docphim.language.measured import as_places, fill

KEYS = ["lesion_suv", "lesion_size", "lesion_invented_numbers", "lesion_tp"]


def report(n: int) -> str:
    return (
        f"Khối thùy trên phổi phải kích thước {30 + n % 20} x {20 + n % 9} mm, tăng hấp thu FDG, SUVmax {5 + n % 7},{n % 10}."
    )


def candidates(n: int) -> list[dict]:
    row = {"number": 1, "suv_max": 5 + n % 7 + n % 10 / 10, "size_mm": [30.0 + n % 20, 20.0 + n % 9], "regions": ["chest"]}
    return [row | {"side": "right", "lung": True, "at": {"slice": n, "row": 1, "column": 2}, "mm": None}]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """The same wording throughout: with numbers of other reports, filled, and filled where a fifth has no candidate."""
    monkeypatch.setattr(scored_runs, "FAMILIES", ("lesions",))
    truth = {f"s{n:02}": report(n) for n in range(40)}
    places = {f"s{n:02}": as_places(report(n), "vi", candidates(n))[0] for n in range(40)}
    texts = {
        "generated": {f"s{n:02}": report(n + 13) for n in range(40)},
        "filled": {f"s{n:02}": fill(places[f"s{n:02}"], "vi", candidates(n))[0] for n in range(40)},
        "partly": {f"s{n:02}": fill(places[f"s{n:02}"], "vi", candidates(n) if n % 5 else [])[0] for n in range(40)},
    }
    return [ScoredRun(tmp_path / name).task("findings/test", truth, {"own": own}).write() for name, own in texts.items()]


def test_filled_numbers_are_right_and_none_is_invented_where_generated_ones_are_wrong(runs):
    result = compare(runs, metrics=KEYS)
    (table,) = result["tables"]
    values = {row["run"]: {key: row["scores"][key]["value"] for key in KEYS} for row in table["rows"] if row["run"]}
    assert values["filled"] == {"lesion_suv": 100, "lesion_size": 100, "lesion_invented_numbers": 0, "lesion_tp": 100}
    assert values["partly"] == {"lesion_suv": 80, "lesion_size": 80, "lesion_invented_numbers": 0, "lesion_tp": 100}
    assert values["generated"]["lesion_suv"] <= 50 and values["generated"]["lesion_invented_numbers"] > 25
    assert values["generated"]["lesion_tp"] == 100, "a placeholder changes no lesion"
