"""The phantom source: files made once, whole or not at all, the same in any number of processes, read as studies."""

import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from docphim.errors import Refused, UsageError
from docphim.files import read_json, read_jsonl
from docphim.imaging.io.locations import SeriesFiles, parse, read_table
from docphim.ingest import check, fingerprint, ingest
from docphim.ingest import phantom as source
from docphim.language.labels import label_names, read_labels
from docphim.phantom.patient import LABELS, sample_patient
from docphim.study import Study, from_row

SMALL = {"profile": "paper", "size": 128, "workers": 1, "seed": 1}


def run(folder: Path, language: str = "vi", **options: Any) -> list[Study]:
    dataset = folder / "data" / "test" / "key"
    ingest("phantom", {**SMALL, **options}, dataset, language=language, split_by_source=False)
    return [from_row(Study, row) for row in read_jsonl(dataset / "studies.jsonl")]


def digests(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Study]]:
    folder = tmp_path_factory.mktemp("phantoms")
    return folder, run(folder, studies=25)


def test_a_study_has_its_patient_film_report_and_truth(made: tuple[Path, list[Study]]) -> None:
    _, studies = made
    assert [s.id for s in studies] == [f"PH{i:06d}" for i in range(25)]
    for index, study in enumerate(studies):
        patient = sample_patient(index, 1, "paper")
        assert (study.patient, study.sex, study.age) == (patient.id, patient.sex, patient.age)
        assert study.series[0].view == patient.view and study.series[0].path == f"prepared/{study.id}-1.b2nd"
        assert (study.split, study.source) == (None, "phantom") and study.date
        assert study.report and study.report.language == "vi" and set(study.report.sections) == {"findings", "impression"}
        assert study.truth and list(study.truth) == ["findings", "labels", "reworded"]
        assert list(study.truth["labels"]) == list(LABELS) and set(study.truth["labels"].values()) <= {0, 1}
        shown = {f["name"] for f in study.truth["findings"] if f["visible"]}
        assert {n.removesuffix("_left").removesuffix("_right") for n, v in study.truth["labels"].items() if v} == shown
        assert {f["name"] for f in study.truth["findings"]} == {f.name for f in patient.findings}


def test_some_patients_come_twice_and_reworded_truth_has_other_words(made: tuple[Path, list[Study]]) -> None:
    _, studies = made
    assert set(Counter(s.patient for s in studies).values()) == {1, 2}
    same = [s.truth["reworded"]["findings"] == s.report.sections["findings"] for s in studies if s.truth and s.report]
    assert sum(same) <= 2


def test_locations_are_only_in_the_private_table(made: tuple[Path, list[Study]]) -> None:
    folder, _ = made
    dataset = folder / "data" / "test" / "key"
    lines = (dataset / "private.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 26 and Path(lines[1].split(",")[2]).is_file()
    assert str(folder) not in (dataset / "studies.jsonl").read_text(encoding="utf-8")


def test_reports_come_in_the_language_asked_for_without_new_films(made: tuple[Path, list[Study]]) -> None:
    folder, vietnamese = made
    before = digests(folder / "data" / "phantom-files")
    english = run(folder, "en", studies=25)
    assert digests(folder / "data" / "phantom-files") == before
    assert [s.truth["labels"] for s in english if s.truth] == [s.truth["labels"] for s in vietnamese if s.truth]
    assert all(s.report and s.report.language == "en" and s.report.sections["findings"].isascii() for s in english)


def test_fewer_studies_are_the_first_of_more_and_more_only_adds(tmp_path: Path) -> None:
    three = run(tmp_path, studies=3)
    (root,) = (tmp_path / "data" / "phantom-files").iterdir()
    kept = digests(root)
    assert run(tmp_path, studies=5)[:3] == three
    assert kept.items() <= digests(root).items() and len(list(root.glob("PH*"))) == 5


def test_any_number_of_processes_writes_the_same_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert run(tmp_path, studies=4, path=str(one)) == run(tmp_path, studies=4, path=str(two), workers=2)
    assert digests(one) == digests(two) and len(digests(one)) == 4 * 4 + 1


def test_a_study_is_whole_or_absent_and_the_next_run_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import docphim.phantom.write as write

    whole = write.write_study

    def killed(folder: Path, patient: Any, *rest: Any) -> None:
        if patient.seed == sample_patient(2, 1, "paper").seed:
            folder.mkdir(parents=True)
            (folder / "film.dcm").write_bytes(b"half")
            raise KeyboardInterrupt
        whole(folder, patient, *rest)

    root = tmp_path / "films"
    monkeypatch.setattr(write, "write_study", killed)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, studies=4, path=str(root))
    assert sorted(p.name for p in root.iterdir()) == ["PH000000", "PH000001", "phantom.json"]
    monkeypatch.setattr(write, "write_study", whole)
    left = root / ".PH000002.12345.part"  # what a kill -9 would have left
    left.mkdir()
    (left / "film.dcm").write_bytes(b"half")
    assert len(run(tmp_path, studies=4, path=str(root))) == 4
    clean = tmp_path / "clean"
    run(tmp_path, studies=4, path=str(clean))
    assert digests(root) == digests(clean)


def test_a_full_disk_is_said_in_one_line_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    import docphim.phantom.write as write

    def full(folder: Path, *rest: Any) -> None:
        folder.mkdir(parents=True)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(write, "write_study", full)
    root = tmp_path / "films"
    with pytest.raises(Refused, match="disk_full"):
        run(tmp_path, studies=2, path=str(root))
    assert [p.name for p in root.iterdir()] == ["phantom.json"]


@pytest.mark.parametrize("damage", ["film.dcm", "truth.json", "report.vi.txt"])
def test_a_damaged_study_is_rejected_and_the_rest_goes_on(damage: str, tmp_path: Path) -> None:
    root = tmp_path / "films"
    run(tmp_path, studies=2, path=str(root))
    (root / "PH000001" / damage).write_text("?", encoding="utf-8")
    assert [s.id for s in run(tmp_path, studies=2, path=str(root))] == ["PH000000"]
    (row,) = read_jsonl(tmp_path / "data" / "test" / "key" / "rejected.jsonl")
    assert (row["study"], row["stage"], row["reason"]) == ("PH000001", "ingest", "file_unreadable")


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda root: (root / "scan.dcm").write_bytes(b"x"), "holds other files"),
        (lambda root: (root / "phantom.json").write_text(json.dumps({"key": "other"}), encoding="utf-8"), "of other options"),
    ],
)
def test_nothing_is_written_among_other_files(prepare: Any, message: str, tmp_path: Path) -> None:
    root = tmp_path / "films"
    root.mkdir()
    prepare(root)
    before = digests(root)
    with pytest.raises(UsageError, match=message):
        run(tmp_path, studies=1, path=str(root))
    assert digests(root) == before


def test_phantoms_have_no_splits_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no splits of their own"):
        ingest("phantom", {"studies": 1}, tmp_path / "a" / "b", language="vi", split_by_source=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"profil": "demo"}, "source.profil: unknown key; did you mean 'profile'"),
        ({"profile": "old"}, "'old' is not one of paper, demo"),
        ({"studies": 0}, "source.studies"),
        ({"size": 16}, "source.size"),
        ({"size": 96}, "size: 128 to 4096 for xray"),
        ({"modality": "ct", "size": 2048}, "size: 48 to 1024 for ct"),
        ({"modality": "ct", "format": "png"}, "source.format"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check("phantom", options)


def test_the_fingerprint_follows_what_the_films_are_made_from_not_where_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    base = fingerprint("phantom", SMALL)
    assert fingerprint("phantom", {**SMALL, "workers": 3, "path": "elsewhere"}) == base
    films = ({"seed": 2}, {"size": 256}, {"profile": "demo"}, {"studies": 7})
    scans = ({}, {"step_mm": 5}, {"format": "nifti"}, {"masks": True}, {"both_kernels": True})
    whole = ({}, {"step_mm": 5}, {"ct_size": 64}, {"field_mm": 480}, {"bed_seams": False}, {"with_ct": False}, {"masks": True})
    others = (*films, *({"modality": "ct", **scan} for scan in scans))
    others += tuple({"modality": "pet", "profile": "pet_demo", **scan} for scan in whole)
    assert len({base, *(fingerprint("phantom", {**SMALL, **other}) for other in others)}) == 17
    assert fingerprint("phantom", {**SMALL, "step_mm": 5}) == base  # a film has no slices
    monkeypatch.setattr(source, "_code_key", lambda: "another version of the phantom")
    assert fingerprint("phantom", SMALL) != base


SCANS = {"modality": "ct", "profile": "ct_paper", "size": 48, "step_mm": 12, "studies": 5}


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Study]]:
    folder = tmp_path_factory.mktemp("scans")
    return folder, run(folder, **SCANS, both_kernels=True)


def test_a_scan_has_its_patient_series_report_labels_and_truth(scanned: tuple[Path, list[Study]]) -> None:
    _, studies = scanned
    for index, study in enumerate(studies):
        patient = sample_patient(index, 1, "ct_paper")
        assert (study.patient, study.sex, study.age) == (patient.id, patient.sex, patient.age)
        assert [(s.modality, s.unit) for s in study.series] == [("ct", "HU")] and study.date
        assert study.report and study.truth and study.labels
        assert study.labels.set == "ct_rate" and list(study.labels.values) == list(label_names("ct_rate"))
        read = read_labels(study.report.sections["findings"], "vi", "ct_rate")
        assert {name: int(state == "positive") for name, state in read.items()} == study.labels.values
        seen = {f["name"] for f in study.truth["findings"] if f["visible"]}
        assert {row["name"].removesuffix("_left").removesuffix("_right") for row in study.truth["lesions"]} <= seen
        assert study.truth["label_set"] == "phantom_ct" and study.truth["phase"] in ("native", "arterial", "venous")


def test_a_scan_leads_to_every_file_of_its_series_and_one_that_is_gone_is_refused(scanned: tuple[Path, list[Study]]) -> None:
    folder, _ = scanned
    (root,) = (folder / "data" / "phantom-files").iterdir()
    table = read_table(folder / "data" / "test" / "key" / "private.csv")
    for place in (parse(location) for location in table.values()):
        assert isinstance(place, SeriesFiles)
        headers = [dcmread(path, stop_before_pixels=True) for path in place.paths]
        assert {h.ConvolutionKernel for h in headers} == {"B31f", "B60f"} and len({h.SeriesInstanceUID for h in headers}) == 2
    for path in (root / "PH000003").glob("series*"):
        shutil.rmtree(path)
    assert "PH000003" not in {s.id for s in run(folder, **SCANS, both_kernels=True)}


def test_a_scan_comes_as_nifti_with_masks_of_its_lesions(tmp_path: Path) -> None:
    studies = run(tmp_path, **SCANS, format="nifti", masks=True)
    (root,) = (tmp_path / "data" / "phantom-files").iterdir()
    for study in studies:
        assert study.truth
        masks = {p.name.removesuffix(".nii.gz").removeprefix("mask1.") for p in (root / study.id).glob("mask*")}
        assert {row["name"] for row in study.truth["lesions"]} <= masks
        assert (root / study.id / "series1.nii.gz").is_file()


def test_truth_keeps_the_ratio_and_the_boxes_beside_the_film(made: tuple[Path, list[Study]]) -> None:
    folder, studies = made
    (root,) = (folder / "data" / "phantom-files").iterdir()
    for study in studies:
        truth = read_json(root / study.id / "truth.json")
        assert set(truth["reworded"]) == {"vi", "en"} and (truth["ctr"] is None) == (study.series[0].view == "AP")
        assert all(len(box) == 4 for box in truth["boxes"].values())
        if truth["ctr"] is not None:
            assert (truth["ctr"] >= 0.5) == bool(truth["labels"]["cardiomegaly"])


WHOLE = {"modality": "pet", "profile": "pet_demo", "size": 48, "step_mm": 20, "field_mm": 480, "studies": 3}


def test_a_whole_body_has_two_series_and_a_report_by_region_and_comes_out_alike_again(tmp_path: Path) -> None:
    studies = run(tmp_path / "one", **WHOLE)
    table = read_table(tmp_path / "one" / "data" / "test" / "key" / "private.csv")
    for index, study in enumerate(studies):
        assert study.patient == sample_patient(index, 1, "pet_demo").id and study.report and study.truth
        assert [(s.modality, s.unit) for s in study.series] == [("pet", "SUV"), ("pet_ct", "HU")]
        assert study.report.sections["findings"].count("\n") == 3 and study.truth["label_set"] == "phantom_pet"
        assert table[study.series[0].id] in json.loads(table[study.series[1].id].removeprefix("pair:"))
    assert run(tmp_path / "two", **WHOLE) == studies
    both = [{p.name: p.read_bytes() for p in (tmp_path / n).rglob("PH000001/pet/IM*")} for n in ("one", "two")]
    assert both[0] == both[1] and len(both[0]) > 30
