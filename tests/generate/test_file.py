"""Backend `file`: drafts made elsewhere take the place of a model's; ids that do not fit are named."""

import json

import pytest
from small_dataset import example, write_dataset

from docphim.errors import Refused, UsageError
from docphim.files import read_jsonl
from docphim.generate import generate
from docphim.generate.file import read_drafts
from docphim.recipe import Recipe, dump, validated


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path / "data", [example(n, partner=(n + 1) % 3) for n in range(3)])


def write(path, text):
    path.write_text(text, "utf-8")
    return path


def lines(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def draft(number, text="Bóng tim to.", **more):
    return {"id": f"s{number}-findings", "text": text, **more}


def take(dataset, run, drafts, *, images=("own",), allow=(), **more):
    """Take the drafts of a file; the rows of predictions.jsonl."""
    settings = {"images": list(images), "splits": ["test"], "contexts": ["reference", "generated"]} | more
    options, asking = {"model": "elsewhere", "allow": list(allow)}, {"drafts": str(drafts)}
    generate(dataset, run, backend="file", **settings, options=options, asking=asking)
    return list(read_jsonl(run / "predictions.jsonl"))


def test_every_draft_stands_where_its_id_says(dataset, tmp_path):
    path = write(tmp_path / "d.jsonl", lines(*(draft(n, f"Bóng tim {n}.") for n in (2, 0, 1))))
    rows = take(dataset, tmp_path / "run", path)
    assert {row["id"]: row["prediction"] for row in rows} == {f"s{n}-findings": f"Bóng tim {n}." for n in range(3)}
    assert {(row["image"], row["finish"], row["model"], row["declined"]) for row in rows} == {
        ("own", "stop", "elsewhere", False)
    }
    assert rows[0]["reference"] and list(read_jsonl(tmp_path / "run" / "likelihoods.jsonl")) == []


def test_csv_says_the_same_and_a_refusal_in_words_is_flagged(dataset, tmp_path):
    text = 'id,text,image\ns0-findings,"Tim to, phổi sáng.",\ns1-findings,Tôi không thể đọc phim này.,own\ns2-findings,,own\n'
    rows = {row["id"]: row for row in take(dataset, tmp_path / "run", write(tmp_path / "d.csv", text))}
    assert rows["s0-findings"]["prediction"] == "Tim to, phổi sáng." and rows["s2-findings"]["prediction"] == ""
    assert [rows[f"s{n}-findings"]["declined"] for n in range(3)] == [False, True, False]


def test_turns_contexts_and_images_have_drafts_of_their_own(tmp_path):
    data = write_dataset(tmp_path / "data", [example(0, "dialogue", partner=1)])
    places = [(0, "none"), (1, "reference"), (1, "generated")]
    rows = [
        {"id": "s0-dialogue", "turn": turn, "context": context, "image": image, "text": f"{turn} {context} {image}"}
        for turn, context in places
        for image in ("own", "other")
    ]
    taken = take(data, tmp_path / "run", write(tmp_path / "d.jsonl", lines(*rows)), images=("own", "other"))
    assert len(taken) == 6
    assert all(row["prediction"] == f"{row['turn']} {row['context']} {row['image']}" for row in taken)


@pytest.mark.parametrize(
    ("rows", "fault", "told"),
    [
        ([draft(0), draft(1)], "missing", "1 missing (s2-findings)"),
        ([draft(n) for n in range(4)], "extra", "1 extra (s3-findings)"),
        ([draft(n) for n in range(3)] + [draft(0, image="noise")], "extra", "1 extra (s0-findings noise)"),
        ([draft(n) for n in range(3)] + [draft(0, "Khác.")], "duplicates", "1 duplicates (s0-findings)"),
    ],
)
def test_ids_that_do_not_fit_are_named_and_nothing_is_written_unless_they_are_allowed(dataset, tmp_path, rows, fault, told):
    path = write(tmp_path / "d.jsonl", lines(*rows))
    with pytest.raises(Refused) as refusal:
        take(dataset, tmp_path / "run", path)
    assert refusal.value.reason == "pairs_incomplete" and told in str(refusal.value)
    assert f"generate.allow: [{fault}]" in str(refusal.value)
    assert list(read_jsonl(tmp_path / "run" / "predictions.jsonl")) == []
    taken = {row["id"]: row for row in take(dataset, tmp_path / "run", path, allow=(fault,))}
    assert len(taken) == 3 and taken["s0-findings"]["prediction"] == "Bóng tim to."
    assert taken["s2-findings"]["finish"] == ("failed" if fault == "missing" else "stop")


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("d.jsonl", "{", "line 1 is not JSON"),
        ("d.jsonl", '{"id": "a"}\n', "line 1 has no 'id' or 'text'"),
        ("d.jsonl", '{"id": "a", "text": 3}\n', "line 1 has no 'id' or 'text', or one that is no text"),
        (
            "d.jsonl",
            lines(draft(0), draft(1, image="film")),
            "line 2 has a 'image' that is not one of own, noise, blank, other",
        ),
        ("d.jsonl", lines(draft(0, turn=-1)), "line 1 has a 'turn' that is no number"),
        ("d.csv", "id,text\na,b,c\n", "line 2 has 3 cells, the header 2"),
        ("d.csv", 'id,text\na,"b"c\n', "line 2 is not CSV"),
    ],
)
def test_a_line_that_is_no_draft_is_refused_by_its_number(tmp_path, name, text, why):
    with pytest.raises(Refused) as refusal:
        read_drafts(write(tmp_path / name, text))
    assert refusal.value.reason == "pairs_unreadable" and why in str(refusal.value)


def test_a_file_that_is_not_there_or_no_utf8_is_refused_without_its_path(tmp_path):
    with pytest.raises(Refused, match=r"^file_missing: generate.drafts"):
        read_drafts(tmp_path / "none.csv")
    (tmp_path / "d.csv").write_bytes(b"id,text\na,\xe6\n")
    with pytest.raises(Refused, match=r"generate\.drafts: line 2 is not UTF-8"):
        read_drafts(tmp_path / "d.csv")


def recipe(**generation):
    return validated(Recipe, {"name": "x", "source": {"kind": "phantom"}, "generate": generation}, "")


def test_a_recipe_of_drafts_trains_nothing_and_needs_no_model():
    made = recipe(backend="file", drafts="d.csv")
    assert not made.trains and made.evaluate.images == ["own"]
    assert "model" not in [line.partition(":")[0] for line in dump(made).splitlines()]


@pytest.mark.parametrize(
    ("generation", "why"),
    [
        ({"backend": "file"}, "backend file needs 'drafts'"),
        (
            {"backend": "openai", "endpoint": "http://localhost", "model": "m", "drafts": "x"},
            "'drafts' is for backend file, and openai does not take it",
        ),
    ],
)
def test_drafts_go_with_the_backend_file_and_with_no_other(generation, why):
    with pytest.raises(UsageError, match=why):
        recipe(**generation)
