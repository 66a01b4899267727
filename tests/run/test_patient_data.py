"""A hospital's films from folder to page: a planted name, id and path stay out of everything but private.csv."""

import stat

import pydicom
import pytest

PLANTED = ["NGUYEN^PLANTED", "Nguyễn Văn Cấy", "PLANTEDID77", "ACC-PLANTED-1", "benh-nhan-planted"]


@pytest.fixture
def films(tmp_path, shared_phantoms, docphim, recipe):
    """Six films under a patient's name, their reports naming the patient, in a folder named after him."""
    docphim("run", recipe, "--until", "ingest")
    folder = tmp_path / "films" / "benh-nhan-planted"
    folder.mkdir(parents=True)
    lines = ["AccessionNumber;KetQua"]
    for number, path in enumerate(sorted(shared_phantoms.rglob("*.dcm"))[:6]):
        film = pydicom.dcmread(path)
        film.PatientName, film.PatientID = "NGUYEN^PLANTED", f"PLANTEDID77{number}"
        film.AccessionNumber = f"ACC-PLANTED-1{number}"
        film.InstitutionName = film.ReferringPhysicianName = "Nguyễn Văn Cấy"
        film.save_as(folder / f"benh-nhan-planted-{number}.dcm")
        text = f"Họ và tên: Nguyễn Văn Cấy. Mô tả: Bóng tim không to {number}. Phổi hai bên sáng. Kết luận: Bình thường."
        lines.append(f"ACC-PLANTED-1{number};{text}")
    lines.append("ACC-PLANTED-19;Mô tả: Phổi sáng.")
    (tmp_path / "reports.csv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    (tmp_path / "films" / "broken-Nguyễn Văn Cấy.dcm").write_bytes(b"DICM?" * 50)
    own = tmp_path / "own.yaml"
    own.write_text(
        f"name: own\nsource: {{kind: folder, path: {tmp_path / 'films'}, reports: {tmp_path / 'reports.csv'},"
        " columns: {id: AccessionNumber, text: KetQua}}\n"
        "split: {fractions: [0.5, 0.2, 0.3]}\nprompts: docphim\ntasks: [findings, impression]\nmodel: {family: llava}\n",
        encoding="utf-8",
    )
    return own


def test_a_planted_name_reaches_no_page_no_log_no_rejection_and_no_weights(docphim, films):
    answer = docphim("run", films)
    assert answer.returncode == 0, answer.stderr
    assert not docphim.opened.exists(), "a socket was opened"
    written = [p for d in ("data/folder", "runs/own") for p in (docphim.folder / d).rglob("*") if p.is_file()]
    assert len(written) > 25
    for path in written:
        # The recipe is the user's own words: it names the folder they chose, and nothing else.
        if path.name in ("private.csv", "recipe.yaml"):
            continue
        held = path.read_bytes()
        for name in PLANTED:
            assert name.encode() not in held, f"{name} in {path.name}"
    assert not [name for name in PLANTED if name in answer.stdout + answer.stderr]
    page = (docphim.folder / "runs" / "own" / "index.html").read_text(encoding="utf-8")
    assert "Bóng tim không to" in page
    private = next((docphim.folder / "data" / "folder").rglob("private.csv"))
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert "ACC-PLANTED-10" in private.read_text(encoding="utf-8") or "benh-nhan-planted" in private.read_text(encoding="utf-8")


def test_the_key_lies_outside_the_run_and_changes_every_id(docphim, films):
    docphim("run", films, "--until", "ingest")
    key = docphim.folder / "secret" / "key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    first = next((docphim.folder / "data" / "folder").rglob("studies.jsonl")).read_text(encoding="utf-8")
    key.unlink()
    docphim("run", films, "--until", "ingest", "--set", "data=again")
    second = next((docphim.folder / "again" / "folder").rglob("studies.jsonl")).read_text(encoding="utf-8")
    ids = [{line.split('"')[3] for line in text.splitlines()} for text in (first, second)]
    assert len(ids[0]) == len(ids[1]) == 6 and not ids[0] & ids[1]
