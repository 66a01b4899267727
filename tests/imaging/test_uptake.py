"""`docphim suv` gives the uptake of liver and blood where a CT of the PET's study shows them, and else says why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ct_series import Change, setting
from petct_files import WHOLE_CT, WHOLE_PET, write_ct, write_pet
from test_pet_ct import prepared
from typer.testing import CliRunner

from docphim.cli import app
from docphim.errors import Refused
from docphim.imaging import uptake
from docphim.imaging.io.locations import pair

#: From the vertex to below the liver.
OF_PET, OF_CT = WHOLE_PET[:116], WHOLE_CT[:140]


def words(*arguments: object) -> str:
    shown = CliRunner().invoke(app, ["suv", *map(str, arguments)])
    assert shown.exit_code == 0
    return shown.stdout


@pytest.mark.parametrize("elsewhere", [False, True])
def test_liver_and_blood_are_those_of_the_prepared_ct(tmp_path: Path, elsewhere: bool) -> None:
    pet, ct = tmp_path / "one" / "pet", tmp_path / ("two" if elsewhere else "one") / "ct"
    _, facts = prepared(pair(write_ct(ct, heights=OF_CT), write_pet(pet, heights=OF_PET)))
    arguments = [tmp_path / "one", *(["--ct", ct] if elsewhere else [])]
    (row,) = json.loads(words(*arguments, "--json"))["series"]
    assert row["reference"] == facts["how"]["reference"]
    assert row["reference"]["liver"]["suv"] == pytest.approx(0.8, abs=0.02)
    text = words(*arguments)
    assert f"SUV {row['reference']['liver']['suv']:.2f} (median)" in text
    assert "blood pool" in text


def changed(**tags: object) -> Change:
    return setting(**tags)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (None, "no CT"),
        (changed(FrameOfReferenceUID="1.2.77"), "no CT of its patient, study and frame of reference"),
        (changed(StudyInstanceUID="1.2.77"), "no CT of its patient, study and frame of reference"),
        (changed(RescaleIntercept=-8000), "the CT cannot be used: not_hu"),
        (lambda ds, n: ds if n < 20 else None, "the CT cannot be used: overlap_missing"),
    ],
)
def test_without_a_ct_that_can_be_used_neither_is_measured_and_it_is_said_why(
    tmp_path: Path, change: Change | None, why: str
) -> None:
    write_pet(tmp_path / "pet")
    if change:
        write_ct(tmp_path / "ct", change)
    (row,) = uptake.look(tmp_path)["series"]
    assert [organ["suv"] for organ in row["reference"].values()] == [None, None]
    assert all(organ["why"].startswith(why) for organ in row["reference"].values())
    assert words(tmp_path).count(f"not measured ({why}") == 2


def test_a_ct_of_another_study_beside_takes_nothing_from_the_one_that_belongs(tmp_path: Path) -> None:
    write_pet(tmp_path / "pet", heights=OF_PET)
    write_ct(tmp_path / "ct", heights=OF_CT)
    write_ct(tmp_path / "old", setting(StudyInstanceUID="1.2.77", SeriesInstanceUID="1.2.78"), heights=OF_CT)
    (row,) = uptake.look(tmp_path)["series"]
    assert row["reference"]["liver"]["suv"] == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(("name", "reason"), [("absent", "file_missing"), ("pet", "image_missing")])
def test_a_folder_that_was_named_and_holds_no_ct_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    write_pet(tmp_path / "pet")
    with pytest.raises(Refused, match=reason):
        uptake.look(tmp_path / "pet", tmp_path / name)
