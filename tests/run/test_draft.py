"""`docphim draft RUN PATH`: films without reports, through a run's stages and model, to drafts, texts and a page."""

import contextlib
import csv
import os
import re
import shutil
import signal
import stat
import time

import pydicom
import pytest
from PIL import Image
from program import Program

from docphim.draft import _check_tasks
from docphim.errors import UsageError
from docphim.files import read_jsonl

SHOWN = ["drafts.jsonl", "rejected.jsonl", "private.csv", "index.html"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, shared_phantoms):
    """A folder with a finished run `small` whose task is a dialogue; tests copy what they change."""
    program = Program(tmp_path_factory.mktemp("trained"))
    recipe = program.folder / "small.yaml"
    recipe.write_text(
        f"name: small\nsource: {{kind: phantom, profile: demo, studies: 40, size: 128, seed: 3, workers: 1, "
        f"path: {shared_phantoms}}}\n"
        "split: {fractions: [0.6, 0.1, 0.3]}\nprompts: docphim\ntasks: [dialogue]\nmodel: {family: qwen_vl}\n",
        encoding="utf-8",
    )
    answer = program("run", recipe, "--until", "train")
    assert answer.returncode == 0, answer.stderr
    shutil.rmtree(program.folder / "data")  # drafting needs the run, not what it was trained on
    return program


@pytest.fixture(scope="module")
def films(tmp_path_factory, shared_phantoms, trained):
    """Nine films under names that tell: two studies of two, one film torn; PNGs, a knee, no film, a name that is no text."""
    root = tmp_path_factory.mktemp("films") / "NGUYEN VAN BINH"
    sources = sorted(shared_phantoms.rglob("film.dcm"))
    (root / "kho").mkdir(parents=True)
    for number, name in enumerate(("binh 1.dcm", "kho/binh 2.dcm", "knee.dcm")):
        film = pydicom.dcmread(sources[number])
        film.PatientName, film.PatientID = "NGUYEN^VAN BINH", f"BINH-{number // 2}"
        film.StudyInstanceUID = f"1.2.3.{number // 2}"
        if name == "knee.dcm":
            film.BodyPartExamined = "KNEE"
        film.save_as(root / name)
    for number, name in ((5, "binh 5.dcm"), (6, "kho/binh 6.dcm")):
        film = pydicom.dcmread(sources[number])
        film.PatientName, film.PatientID, film.StudyInstanceUID = "NGUYEN^VAN BINH", "BINH-5", "1.2.3.5"
        film.save_as(root / name)
    (root / "kho/binh 6.dcm").write_bytes((root / "kho/binh 6.dcm").read_bytes()[:-200])
    for number in (3, 4):
        pixels = pydicom.dcmread(sources[number]).pixel_array
        Image.fromarray((pixels / max(1, pixels.max()) * 255).astype("uint8")).save(root / f"binh{number}.png")
    (root / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (root / "reports.csv").write_text("id,text\nbinh3,Bóng tim to.\n", encoding="utf-8")
    with open(os.fsencode(root) + b"/b\xecnh.png", "wb") as handle:
        handle.write((root / "binh3.png").read_bytes())
    return root


def outputs(folder):
    """The bytes of everything that drafting gives, by name."""
    paths = [*(folder / name for name in SHOWN), *(folder / "texts").iterdir()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def drafted(trained, films):
    answer = trained("draft", "runs/small", films, tiny=False, cold=True)
    assert answer.returncode == 0, answer.stderr
    return trained.folder / "drafts" / "small", answer


def test_every_film_is_drafted_or_refused_and_no_socket_is_opened(trained, films, drafted):
    folder, answer = drafted
    assert not trained.opened.exists()
    rows = list(read_jsonl(folder / "drafts.jsonl"))
    assert [list(row) for row in rows[:1]] == [
        ["study", "patient", "task", "turn", "text", "finish", "declined", "model", "run", "refused"]
    ]
    studies = {row["study"] for row in rows}
    assert len(studies) == 4 and len(rows) == 2 * 4, "two studies of two films, two PNGs; findings and impression of each"
    assert {(row["task"], row["turn"]) for row in rows} == {("dialogue", 0), ("dialogue", 1)}
    assert {row["run"] for row in rows} == {"small"} and all(row["model"] for row in rows)
    refused = {row["reason"]: row["study"] for row in read_jsonl(folder / "rejected.jsonl")}
    assert set(refused) == {"body_part_out_of_scope", "file_unreadable", "unsafe_path", "file_truncated"}, refused
    assert set(refused.values()) & studies == {refused["file_truncated"]}, "of a study with another film"
    assert "studies drafted 4; refused:" in answer.stderr
    assert {p.name for p in (folder / "texts").iterdir()} == {f"{study}.txt" for study in studies}


def test_a_study_drafted_on_part_of_its_films_says_so_in_rows_text_and_page(drafted):
    folder, _ = drafted
    (part,) = (row["study"] for row in read_jsonl(folder / "rejected.jsonl") if row["reason"] == "file_truncated")
    flags = {row["study"]: row["refused"] for row in read_jsonl(folder / "drafts.jsonl")}
    assert flags.pop(part) == {"n": 1, "films": 2, "reasons": ["file_truncated"]}
    assert set(flags.values()) == {None}
    texts = {path.stem: path.read_text(encoding="utf-8") for path in (folder / "texts").iterdir()}
    assert {study for study, text in texts.items() if "1 trong 2 phim bị từ chối" in text} == {part}
    page = (folder / "index.html").read_text(encoding="utf-8")
    cards = {
        card[:100].partition('"')[0]: card.partition("</article>")[0] for card in page.split('<article class="study" id="')[1:]
    }
    assert {study for study, card in cards.items() if "1 of 2 films refused" in card and "file_truncated" in card} == {part}
    assert "not drafted" not in page and page.count(f'href="#{part}"') == 1, "the list of what was refused leads to its card"
    assert page.count("drafted on its other films") == 1


def test_private_csv_leads_each_id_back_to_its_file(films, drafted):
    folder, _ = drafted
    with open(folder / "private.csv", encoding="utf-8", newline="") as handle:
        places = list(csv.DictReader(handle))
    names = {row["study"]: set() for row in places}
    for row in places:
        names[row["study"]].add(row["location"].rpartition("/")[2])
    for row in [*read_jsonl(folder / "drafts.jsonl"), *read_jsonl(folder / "rejected.jsonl")]:
        assert names[row["study"]], row["study"]
    assert {"binh 1.dcm", "binh 2.dcm"} in names.values(), "two films, one study"
    assert {frozenset(files) for files in names.values()} >= {frozenset({"b\\udcecnh.png"}), frozenset({"torn.png"})}
    if os.name == "posix":
        assert stat.S_IMODE((folder / "private.csv").stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_nobody_is_named_in_drafts_texts_page_and_refusals(drafted):
    folder, answer = drafted
    written = outputs(folder)
    del written["private.csv"]
    shown = "\n".join([*(data.decode() for data in written.values()), answer.stderr, answer.stdout]).lower()
    shown = re.sub(r"data:image/jpeg;base64,[a-z0-9+/=]*", "", shown)
    assert "binh" not in shown and "1.2.3.0" not in shown


def test_texts_and_page_say_first_that_they_are_drafts(drafted):
    folder, _ = drafted
    for path in (folder / "texts").iterdir():
        first, second, *_ = path.read_text(encoding="utf-8").splitlines()
        assert "bản nháp, không dùng để chẩn đoán" in first and path.stem in second
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "BẢN NHÁP DO MÁY TẠO – CHƯA ĐƯỢC BÁC SĨ DUYỆT. Không dùng để chẩn đoán." in page
    assert page.count("data:image/jpeg") == 5, "all five films"
    assert not re.search(r"""(?:src|href)=["']?https?:""", page)
    for row in [*read_jsonl(folder / "drafts.jsonl"), *read_jsonl(folder / "rejected.jsonl")]:
        assert row["study"] in page
        assert row.get("reason", "") in page


def test_the_second_turn_goes_on_from_the_models_own_findings_and_both_films_are_asked_about(drafted):
    folder, _ = drafted
    rows = list(read_jsonl(folder / "work" / "drafts.jsonl"))
    assert {(row["turn"], row["context"], row["reference"]) for row in rows} == {(0, "none", ""), (1, "generated", "")}
    assert not (folder / "work" / "likelihoods.jsonl").read_bytes()
    examples = list(read_jsonl(folder / "work" / "examples" / "draft.jsonl"))
    assert sorted(len(example["media"]) for example in examples) == [2, 2, 2, 4]


def test_run_again_it_says_that_all_is_done_and_changes_nothing(trained, films, drafted):
    folder, _ = drafted
    before = outputs(folder)
    answer = trained("draft", "small", films, tiny=False)
    assert answer.returncode == 0 and answer.stderr.count("done before") == 5
    assert outputs(folder) == before


def test_a_known_study_keeps_its_id_and_new_films_are_drafted_beside_it(trained, films, drafted, tmp_path):
    more = tmp_path / "films"
    shutil.copytree(films, more, ignore=lambda _, names: [n for n in names if not n.isprintable() or n == "knee.dcm"])
    out = tmp_path / "out"
    assert trained("draft", "runs/small", more / "binh 1.dcm", "--out", out, tiny=False).returncode == 0
    [alone] = {row["study"] for row in read_jsonl(out / "drafts.jsonl")}
    assert alone in {row["study"] for row in read_jsonl(drafted[0] / "drafts.jsonl")}
    other = trained("draft", "runs/small", more, "--out", out, tiny=False)
    assert other.returncode == 2 and "the drafts of other films" in other.stderr and "--out DIR" in other.stderr


GONE = {
    "another film under the same name": lambda f, films: shutil.copy(films / "binh4.png", f / "binh3.png"),
    "another film under another name": lambda f, films: (shutil.copy(films / "binh4.png", f), (f / "binh3.png").unlink()),
    "a film that is renamed": lambda f, films: (f / "binh3.png").rename(f / "x.png"),
}


def test_drafts_of_films_that_are_gone_or_changed_stay_and_added_or_mended_films_go_on(trained, films, tmp_path):
    place, out = tmp_path / "films", tmp_path / "out"
    place.mkdir()
    shutil.copy(films / "binh3.png", place)
    (place / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert trained("draft", "runs/small", place, "--out", out, tiny=False).returncode == 0
    before = outputs(out)
    for name, change in GONE.items():
        copy = tmp_path / "before"
        place.rename(copy)
        shutil.copytree(copy, place)
        change(place, films)
        answer = trained("draft", "runs/small", place, "--out", out, tiny=False)
        assert answer.returncode == 2 and "are gone" in answer.stderr and outputs(out) == before, (name, answer.stderr)
        shutil.rmtree(place)
        copy.rename(place)
    shutil.copy(films / "binh4.png", place / "torn.png")
    answer = trained("draft", "runs/small", place, "--out", out, tiny=False)
    assert answer.returncode == 0 and len(list(read_jsonl(out / "drafts.jsonl"))) > len(before["drafts.jsonl"].splitlines())


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_killed_in_every_stage_and_run_again_it_gives_the_same_bytes(trained, films, drafted, tmp_path):
    out = tmp_path / "out"
    for stage in ("prepare", "generate", "page"):
        process = trained.start("draft", "runs/small", films, "--out", out, tiny=False)
        while process.poll() is None and not list(out.glob(f"**/.{stage}.started.json")):
            time.sleep(0.005)
        time.sleep(0.1 if stage == "generate" else 0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert trained("draft", "runs/small", films, "--out", out, tiny=False).returncode == 0
    assert outputs(out) == outputs(drafted[0])


WRONG = [
    (("runs/nothing", "."), "no run is there"),
    (("runs/small", "nothing"), "no films are there"),
    (("runs/untrained", "films"), "it has no model yet"),
    (("runs/small", ".", "--out", "drafts"), "must not go among the films"),
    (("runs/small", "films", "--out", "runs"), "holds other files"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_a_wrong_command_is_named_and_makes_nothing(trained, arguments, words):
    (trained.folder / "films").mkdir(exist_ok=True)
    (trained.folder / "runs" / "untrained").mkdir(exist_ok=True)
    shutil.copy(trained.folder / "runs" / "small" / "recipe.yaml", trained.folder / "runs" / "untrained")
    before = sorted(trained.folder.rglob("*"))
    answer = trained("draft", *arguments, tiny=False)
    assert answer.returncode == 2 and words in answer.stderr, answer.stderr
    assert sorted(trained.folder.rglob("*")) == before


def named(stderr):
    """A refusal or a usage error is one line, and no fault of the program."""
    return "Traceback" not in stderr and "fault of Docphim" not in stderr


@pytest.mark.parametrize(
    "content", [b"\xff\xfename: small\n", b"- a\n- list\n", b"", b"text", b"name: [", b"name: {}\n"], ids=range(6)
)
def test_a_damaged_recipe_of_a_run_is_named(trained, tmp_path, content):
    run = tmp_path / "runs" / "small"
    run.mkdir(parents=True)
    (run / "recipe.yaml").write_bytes(content)
    answer = trained("draft", run, tmp_path, "--out", tmp_path / "../out", tiny=False)
    assert answer.returncode == 2 and "recipe.yaml" in answer.stderr and named(answer.stderr), answer.stderr


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"[]", b"7", b'{"films": 3}', b'{"other": "x"}', b"[" * 100_000], ids=range(8)
)
def test_damaged_notes_on_the_films_are_made_again_where_they_can_be_and_named_elsewhere(
    trained, films, drafted, tmp_path, content
):
    out = tmp_path / "out"
    shutil.copytree(drafted[0], out)
    notes = out / "work" / "films.json"
    good = notes.read_bytes()
    notes.write_bytes(content)
    other = trained("draft", "runs/small", films / "binh3.png", "--out", out, tiny=False)
    assert other.returncode == 2 and "films.json" in other.stderr and named(other.stderr), other.stderr
    answer = trained("draft", "runs/small", films, "--out", out, tiny=False)
    assert answer.returncode == 0 and answer.stderr.count("done before") == 5, answer.stderr
    assert notes.read_bytes() == good and outputs(out) == outputs(drafted[0])


def test_after_a_folder_without_films_and_one_of_torn_ones_the_right_films_are_drafted_in_the_same_place(
    trained, films, tmp_path
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    out = tmp_path / "out"
    for source in ("empty", "torn"):
        answer = trained("draft", "runs/small", tmp_path / source, "--out", out, tiny=False)
        assert answer.returncode == 3 and answer.stderr.splitlines()[-1].startswith("empty_dataset:"), answer.stderr
        reasons = [row["reason"] for row in read_jsonl(out / "rejected.jsonl")]
        assert reasons == (["file_unreadable"] if source == "torn" else [])
        with open(out / "private.csv", encoding="utf-8", newline="") as handle:
            assert [row["location"].rpartition("/")[2] for row in csv.DictReader(handle)] == ["torn.png"] * len(reasons)
        page = (out / "index.html").read_text(encoding="utf-8")
        assert "There are no drafts" in page and all(reason in page for reason in reasons)
    assert trained("draft", "runs/small", films / "binh3.png", "--out", out, tiny=False).returncode == 0
    assert len({row["study"] for row in read_jsonl(out / "drafts.jsonl")}) == 1
    assert not (out / "rejected.jsonl").read_bytes() and "There are no drafts" not in (out / "index.html").read_text("utf-8")


def test_a_run_of_drafts_made_elsewhere_has_no_model_and_is_refused_at_once(trained, films, tmp_path):
    run = tmp_path / "runs" / "file"
    run.mkdir(parents=True)
    (run / "recipe.yaml").write_text(
        f"name: file\nsource: {{kind: folder, path: {tmp_path}}}\ntasks: [findings]\n"
        "generate: {backend: file, drafts: drafts.jsonl}\n",
        encoding="utf-8",
    )
    answer = trained("draft", run, films, "--out", tmp_path / "out", tiny=False)
    assert answer.returncode == 2 and "backend: file" in answer.stderr and not (tmp_path / "out").exists(), answer.stderr


@pytest.mark.parametrize(
    ("tasks", "refused", "warned"),
    [
        (["impression_from_findings"], True, 0),
        (["findings", "impression_from_findings"], False, 1),
        (["findings", "dialogue"], False, 0),
    ],
)
def test_a_task_that_concludes_from_a_report_is_no_draft_and_says_so(tasks, refused, warned, caplog):
    with pytest.raises(UsageError, match="dialogue") if refused else contextlib.nullcontext():
        _check_tasks(tasks)
    assert sum("nothing is drafted" in record.message for record in caplog.records) == warned
