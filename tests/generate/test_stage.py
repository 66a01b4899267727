"""The stage over a backend that says what it was shown, and over a tiny model in a process that is killed."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from small_dataset import example, media, write_dataset

from docphim import records
from docphim.backends import BACKENDS
from docphim.errors import Refused, UsageError
from docphim.files import read_json, read_jsonl, write_json, write_jsonl
from docphim.generate import generate
from docphim.generate.plan import plan
from docphim.generate.stage import Batch, _name
from docphim.generate.transformers import Backend
from docphim.imaging.frames import Stack
from docphim.recipe import Model, Train
from docphim.study import to_row
from docphim.train import train

ALL = ["own", "noise", "blank", "other"]
BOTH = ["reference", "generated"]


class Echo:
    """Answers with what it was asked."""

    name, size = "echo", (28, 28)

    def answer(self, prompts):
        return [(f"{len(p.images)} films, {len(p.messages)} messages, said {p.messages[2:3]}", "stop") for p in prompts]

    def likelihood(self, prompts):
        return [(float(len(p.messages[-1].content)), len(p.images)) for p in prompts]


def asked(task: str, image: str = "own"):
    (batch,), _ = plan([example(1, task, partner=2)], [image], BOTH, False, 4)
    film = Stack(np.zeros((1, 28, 28, 3), np.uint8), None, (0,))
    return Batch(Echo(), batch, [{_name(m): film for m in batch[0].media}]).answers()


def test_a_dialogue_is_answered_after_the_reference_and_after_its_own_findings():
    drafted, likely = asked("dialogue")
    assert [(r["turn"], r["context"]) for r in drafted] == [(0, "none"), (1, "reference"), (1, "generated")]
    reference = example(1, "dialogue").messages[2].content
    assert drafted[0]["prediction"].startswith("1 films, 2 messages")
    assert drafted[1]["prediction"].startswith("2 films, 4 messages") and reference in drafted[1]["prediction"]
    assert drafted[0]["prediction"][:20] in drafted[2]["prediction"] and reference not in drafted[2]["prediction"]
    assert [r["reference"] for r in drafted[1:]] == [example(1, "dialogue").messages[4].content] * 2
    # Likelihoods: of the reference answer, never under a context of the model's own making.
    assert [(r["turn"], r["context"], r["nats"], r["tokens"]) for r in likely] == [
        (0, "none", float(len(reference)), 1),
        (1, "reference", float(len(drafted[1]["reference"])), 2),
    ]


@pytest.mark.parametrize(("image", "study"), [("own", "s1"), ("noise", None), ("blank", None), ("other", "s2")])
def test_a_prediction_says_whose_film_was_shown(image, study):
    drafted, likely = asked("findings", image)
    assert [(r["image"], r["image_study"], r["study"], r["patient"]) for r in drafted + likely] == [
        (image, study, "s1", "p1")
    ] * 2


class Eyes(Echo):
    """Says how bright each film is that it was shown, in their order."""

    def answer(self, prompts):
        return [(" ".join(str(stack.frames[0, 0, 0, 0]) for stack in p.images), "stop") for p in prompts]


def two_films(task):
    """An example of a study with two films, and its films rendered, the first dark and the second bright."""
    films = [media("s1"), media("s2")]
    one = example(1, task)
    messages = [replace(m, content=m.content.replace("<image>", "<image><image>")) for m in one.messages]
    made = replace(one, messages=messages, media=films * (2 if task == "dialogue" else 1))
    shown = {
        _name(film): Stack(np.full((1, 28, 28, 3), grey, np.uint8), None, (0,))
        for film, grey in zip(films, (10, 200), strict=True)
    }
    return made, shown


@pytest.mark.parametrize(("task", "seen"), [("findings", ["10 200"]), ("dialogue", ["10 200"] + ["10 200 10 200"] * 2)])
def test_a_study_of_two_films_is_drafted_on_both_in_every_turn(task, seen):
    made, shown = two_films(task)
    (batch,), _ = plan([made], ["own"], BOTH, False, 4)
    drafted, _ = Batch(Eyes(), batch, [shown]).answers()
    assert [row["prediction"] for row in drafted] == seen


def test_a_partner_of_two_films_is_shown_with_both():
    made, shown = two_films("findings")
    wrong = {"kind": "case", "study": "s9", "media": [to_row(film) for film in reversed(made.media)], "differs": None}
    (batch,), _ = plan([replace(made, wrong_image=wrong)], ["other"], BOTH, False, 4)
    drafted, _ = Batch(Eyes(), batch, [shown]).answers()
    assert [row["prediction"] for row in drafted] == ["200 10"]


def unreported(number, task="findings"):
    """An example as build makes it of a study without a report: the questions, and answers without text."""
    made = example(number, task)
    messages = [replace(m, content="", origin=None) if m.role == "assistant" else m for m in made.messages]
    return replace(made, split="draft", messages=messages)


def test_without_a_reference_the_own_film_is_asked_about_and_later_turns_go_on_from_what_was_answered():
    (batch,), skipped = plan([unreported(1, "dialogue")], ["own"], ["generated"], False, 4)
    film = Stack(np.zeros((1, 28, 28, 3), np.uint8), None, (0,))
    drafted, likely = Batch(Echo(), batch, [{_name(m): film for m in batch[0].media}]).answers()
    assert [(r["turn"], r["context"], r["image"], r["reference"]) for r in drafted] == [
        (0, "none", "own", ""),
        (1, "generated", "own", ""),
    ]
    assert (
        batch[0].likelihood_keys() == likely == []
        and skipped == 0
        and drafted[0]["prediction"][:20] in drafted[1]["prediction"]
    )


class Surprised(Echo):
    """Finds a reference as likely as it is short."""

    def likelihood(self, prompts):
        return [(float(len(p.messages[-1].content)), 1) for p in prompts]


def test_how_likely_a_reference_is_is_asked_of_those_that_say_something_wherever_they_stand_in_a_batch():
    rows = [example(n) for n in range(3)]
    silent = [replace(m, content="" if m.role == "assistant" else m.content) for m in rows[0].messages]
    (batch,), _ = plan([replace(rows[0], messages=silent), *rows[1:]], ["own"], BOTH, False, 4)
    film = Stack(np.zeros((1, 28, 28, 3), np.uint8), None, (0,))
    for order in (batch, batch[::-1]):
        shown = [{_name(m): film for m in talk.media} for talk in order]
        drafted, likely = Batch(Surprised(), order, shown).answers()
        assert len(drafted) == 3
        assert {row["id"]: row["nats"] for row in likely} == {e.id: float(len(e.messages[-1].content)) for e in rows[1:]}
        assert [key for talk in order for key in talk.likelihood_keys()] == [
            (row["id"], row["turn"], row["context"], row["image"]) for row in likely
        ]


def settings(**more):
    return {"images": ALL, "splits": ["test"], "contexts": BOTH, "max_new_tokens": 12, "batch_size": 3} | more


def run_folder(folder, tiny_model):
    run = folder / "run"
    shutil.copytree(tiny_model, run / "model")
    return run


@pytest.fixture
def dataset(tmp_path):
    pairs = [example(n, partner=(n + 1) % 8) for n in range(7)] + [example(7)]
    return write_dataset(tmp_path / "data", [*pairs, example(2, "dialogue", partner=3), example(5, "dialogue", partner=6)])


def both(run):
    return [(run / name).read_bytes() for name in ("predictions.jsonl", "likelihoods.jsonl")]


def test_every_example_image_and_context_is_answered_once(dataset, tmp_path, tiny_model):
    run = run_folder(tmp_path, tiny_model)
    generate(dataset, run, **settings())
    rows = list(read_jsonl(run / "predictions.jsonl"))
    keys = [(r["id"], r["turn"], r["context"], r["image"]) for r in rows]
    assert len(keys) == len(set(keys)) == 8 * 4 - 1 + 2 * 3 * 4  # one example has no partner
    assert {r["finish"] for r in rows} <= {"stop", "length"} and all(r["model"] for r in rows)
    likely = list(read_jsonl(run / "likelihoods.jsonl"))
    assert len(likely) == 8 * 4 - 1 + 2 * 2 * 4 and all(r["nats"] > 0 and r["tokens"] > 1 for r in likely)
    by_image = {r["image"]: r["nats"] for r in likely if r["id"] == "s2-findings"}
    assert len(set(by_image.values())) == 4  # the four images differ, and the model sees that they do
    before = both(run)
    generate(dataset, run, **settings())
    assert both(run) == before


def test_a_blind_model_sees_no_image(dataset, tmp_path, tiny_model):
    run = run_folder(tmp_path, tiny_model)
    shutil.rmtree(dataset / "prepared")
    generate(dataset, run, **settings(blind=True))
    assert {r["image"] for r in read_jsonl(run / "predictions.jsonl")} == {"own"}


def test_other_settings_or_another_model_do_not_take_over_old_answers(dataset, tmp_path, tiny_model):
    run = run_folder(tmp_path, tiny_model)
    generate(dataset, run, **settings(images=["own"], max_new_tokens=2))
    short = both(run)
    generate(dataset, run, **settings(images=["own"], max_new_tokens=4))
    assert both(run) != short
    (run / "predictions.jsonl").write_text("", encoding="utf-8")
    note = run / "model" / "docphim.json"
    note.write_text(json.dumps(json.loads(note.read_text(encoding="utf-8")) | {"name": "another"}), encoding="utf-8")
    generate(dataset, run, **settings(images=["own"], max_new_tokens=4))
    assert {r["model"] for r in read_jsonl(run / "predictions.jsonl")} == {"another"}


def flipped(path, line):
    """Change one digit of a line that stays readable."""
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"patient":"p', b'"patient":"q').replace(b'"patient": "p', b'"patient": "q')
    assert b"".join(lines) != path.read_bytes()
    path.write_bytes(b"".join(lines))


@pytest.mark.parametrize("name", ["predictions.jsonl", "likelihoods.jsonl", "generate-plan.json"])
@pytest.mark.parametrize("line", [None, 0, 4])
def test_what_is_damaged_is_drafted_again_to_the_same_bytes(dataset, tmp_path, tiny_model, name, line):
    run = run_folder(tmp_path, tiny_model)
    generate(dataset, run, **settings(images=["own"]))
    before = both(run)
    if line is None:
        (run / name).unlink()
    elif name.endswith("l"):
        flipped(run / name, line)
    else:
        (run / name).write_bytes((run / name).read_bytes()[:-9])
    generate(dataset, run, **settings(images=["own"]))
    assert both(run) == before and all(before)


def test_a_copied_run_keeps_its_drafts_and_another_training_makes_them_anew(dataset, tmp_path, tiny_model, caplog):
    run = run_folder(tmp_path, tiny_model)
    record = records.stage_record(1, {}, {}) | {"written": records.written(run, ["model"])}
    records.write_stage(run / "train.json", record)
    generate(dataset, run, **settings(images=["own"]))
    shutil.copytree(run, tmp_path / "copy", copy_function=shutil.copyfile)
    with caplog.at_level("INFO", "docphim"):
        generate(dataset, tmp_path / "copy", **settings(images=["own"]))
        assert "drafted" not in caplog.text
        records.write_stage(tmp_path / "copy" / "train.json", record | {"written": {"model/model.safetensors": "of another"}})
        generate(dataset, tmp_path / "copy", **settings(images=["own"]))
        assert "drafted" in caplog.text


def test_a_half_written_batch_is_drafted_again(dataset, tmp_path, tiny_model):
    run = run_folder(tmp_path, tiny_model)
    generate(dataset, run, **settings(images=["own", "other"]))
    whole = both(run)
    for cut in (0, 1, len(whole[0]) // 3, len(whole[0]) - 5):
        (run / "predictions.jsonl").write_bytes(whole[0][:cut])
        (run / "likelihoods.jsonl").write_bytes(whole[1][: cut // 2 + 40])
        generate(dataset, run, **settings(images=["own", "other"]))
        assert both(run) == whole


def test_killed_anywhere_and_run_again_the_bytes_are_those_of_an_uninterrupted_run(dataset, tmp_path, tiny_model):
    told = settings(images=["own", "noise"], max_new_tokens=60)
    clean, broken = run_folder(tmp_path / "a", tiny_model), run_folder(tmp_path / "b", tiny_model)
    shutil.rmtree(broken / "model")
    shutil.copytree(clean / "model", broken / "model")  # the same times: the same plan
    generate(dataset, clean, **told)
    code = (
        "import sys, json, torch; torch.set_num_threads(1)\n"
        "from pathlib import Path; from docphim.generate import generate\n"
        "generate(Path(sys.argv[1]), Path(sys.argv[2]), **json.loads(sys.argv[3]))"
    )
    command = [sys.executable, "-c", code, str(dataset), str(broken), json.dumps(told)]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    for _ in itertools.count():
        if process.poll() is not None or sum(1 for _ in read_jsonl(broken / "predictions.jsonl")) >= 3:
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the process ended before it could be killed"
    assert both(broken) != both(clean)
    generate(dataset, broken, **told)
    assert both(broken) == both(clean)


def test_sampling_is_repeatable_by_seed(dataset, tmp_path, tiny_model):
    run = run_folder(tmp_path, tiny_model)
    seen = []
    for seed in (1, 1, 2):
        (run / "predictions.jsonl").unlink(missing_ok=True)
        generate(dataset, run, **settings(images=["own"], temperature=1.0, seed=seed))
        seen.append((run / "predictions.jsonl").read_bytes())
    assert seen[0] == seen[1] != seen[2]


def test_drawn_drafts_do_not_depend_on_the_size_of_the_batches(dataset, tmp_path, tiny_model):
    run, seen = run_folder(tmp_path, tiny_model), []
    for size in (1, 3, 16):
        told = settings(images=["own"], temperature=1.0, batch_size=size, decoding={"top_p": 0.9})
        generate(dataset, run, **told)
        seen.append({(r["id"], r["turn"], r["context"]): r["prediction"] for r in read_jsonl(run / "predictions.jsonl")})
    assert seen[0] == seen[1] == seen[2] and len(set(seen[0].values())) > 1


@pytest.mark.parametrize("changed", [{"repetition_penalty": 1.4}, {"min_new_tokens": 3}])
def test_another_way_of_decoding_drafts_anew(dataset, tmp_path, tiny_model, changed):
    run = run_folder(tmp_path, tiny_model)
    generate(dataset, run, **settings(images=["own"]))
    before = read_json(run / "generate-plan.json")["key"]
    generate(dataset, run, **settings(images=["own"], decoding=changed))
    assert read_json(run / "generate-plan.json")["key"] != before


def test_what_the_checkpoint_would_do_is_said_and_does_not_act(tiny_model, tmp_path, caplog):
    run = run_folder(tmp_path, tiny_model)
    path = run / "model" / "generation_config.json"
    write_json(path, read_json(path) | {"repetition_penalty": 1.05})
    with caplog.at_level("INFO", "docphim"):
        Backend(run, blind=True, max_new_tokens=4, temperature=0.0)
    assert "the checkpoint's own repetition_penalty 1.05 does not act" in caplog.text


def test_published_weights_can_be_asked_untouched(dataset, tmp_path, tiny_model):
    """`tune: none`, from a folder of weights through the train stage to answers: what the papers' first columns are."""
    weights = tmp_path / "weights"
    shutil.copytree(tiny_model, weights)
    (weights / "docphim.json").unlink()
    (dataset / "examples" / "train.jsonl").write_bytes((dataset / "examples" / "test.jsonl").read_bytes())
    model = Model(family="qwen_vl", weights=str(weights), tune="none", image_size=56)
    run, tiny = tmp_path / "run", run_folder(tmp_path / "tiny", tiny_model)
    train(dataset, run, model=model.model_dump(), train=Train().model_dump())
    assert not list((run / "model").rglob("*.safetensors"))
    texts = []
    for folder in (run, tiny):
        generate(dataset, folder, **settings(images=["own"]))
        texts.append([r["prediction"] for r in read_jsonl(folder / "predictions.jsonl")])
    assert texts[0] == texts[1] and any(texts[0])


def test_an_unknown_backend_is_named_with_the_known_ones(dataset, tmp_path):
    with pytest.raises(UsageError, match=", ".join(BACKENDS)):
        generate(dataset, tmp_path, **settings(backend="telepathy"))


def test_a_run_without_a_model_is_refused_before_anything_is_written(dataset, tmp_path):
    with pytest.raises(Refused, match="weights_layout"):
        generate(dataset, tmp_path / "empty", **settings())
    assert not (tmp_path / "empty" / "predictions.jsonl").exists() or not both(tmp_path / "empty")[0]


def test_a_backend_without_torch_names_the_command_that_installs_it(dataset, tmp_path):
    code = "import sys; sys.modules['torch'] = None\nfrom docphim.generate.stage import _opener; _opener('transformers')"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")
    assert "UsageError: torch is not installed; models need: pip install '.[train]' in Docphim's folder" in out.stderr


def test_the_stage_starts_without_torch():
    code = "import sys, docphim.generate; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_studies_without_a_report_are_drafted_apart_and_change_nothing_of_what_is_scored(dataset, tmp_path, tiny_model):
    alone, both_kinds = run_folder(tmp_path / "a", tiny_model), run_folder(tmp_path / "b", tiny_model)
    generate(dataset, alone, **settings(images=["own", "other"]))
    assert (alone / "drafts.jsonl").read_bytes() == b""
    write_jsonl(dataset / "examples" / "draft.jsonl", [to_row(unreported(n, t)) for n, t in ((0, "dialogue"), (3, "findings"))])
    generate(dataset, both_kinds, **settings(images=["own", "other"]))
    assert both(both_kinds) == both(alone)
    drafts = list(read_jsonl(both_kinds / "drafts.jsonl"))
    assert [(r["study"], r["turn"], r["context"], r["image"], r["run"]) for r in drafts] == [
        ("s0", 0, "none", "own", "run"),
        ("s0", 1, "generated", "own", "run"),
        ("s3", 0, "none", "own", "run"),
    ]
    whole = (both_kinds / "drafts.jsonl").read_bytes()
    for cut in (0, 40, len(whole) - 5):
        (both_kinds / "drafts.jsonl").write_bytes(whole[:cut])
        generate(dataset, both_kinds, **settings(images=["own", "other"]))
        assert (both_kinds / "drafts.jsonl").read_bytes() == whole and both(both_kinds) == both(alone)


def test_another_runs_model_may_draft_and_is_named(dataset, tmp_path, tiny_model):
    drafter, out = run_folder(tmp_path, tiny_model), tmp_path / "out"
    out.mkdir()
    write_jsonl(dataset / "examples" / "draft.jsonl", [to_row(unreported(2))])
    (dataset / "examples" / "test.jsonl").unlink()
    generate(dataset, out, drafter, **settings())
    assert [(r["study"], r["run"]) for r in read_jsonl(out / "drafts.jsonl")] == [("s2", "run")]
    assert not (drafter / "drafts.jsonl").exists()


def test_neither_examples_nor_studies_to_draft_is_refused(tmp_path):
    write_jsonl(tmp_path / "examples" / "val.jsonl", [])
    with pytest.raises(Refused, match="empty_dataset"):
        generate(tmp_path, tmp_path, **settings())


def test_films_that_were_exchanged_are_not_drafted_from(dataset, tmp_path, tiny_model):
    first, second = (dataset / media(f"s{n}").volumes["xray"] for n in (0, 1))
    for source, target in ((first, dataset / "kept"), (second, first), (dataset / "kept", second)):
        source.rename(target)
    with pytest.raises(Refused, match="file_changed"):
        generate(dataset, run_folder(tmp_path, tiny_model), **settings(images=["own"]))
    assert {r["image_study"] for r in read_jsonl(tmp_path / "run" / "predictions.jsonl")}.isdisjoint({"s0", "s1"})
