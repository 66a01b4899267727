"""Training on pairs: what a batch holds, what a step costs and logs, how it is resumed and shared among processes."""

import re
import shutil
from dataclasses import replace

import pytest
import torch
from tiny_training import TEXTS, example, in_processes, killed_at, model_section, same, steady, train_section, weights

from docphim.errors import UsageError
from docphim.files import read_examples, read_json, read_jsonl, write_jsonl
from docphim.models import decode
from docphim.models.encode import collate
from docphim.study import to_row
from docphim.train import LOSSES, cap, contrast, loop, loss_function, mine, train
from docphim.train.batch import Collate, Examples
from docphim.train.losses import answers, constraint
from docphim.train.memory import Drawn, Memory
from docphim.train.model import open_model
from docphim.train.pairs import Pairs, negatives
from docphim.train.processes import Processes
from docphim.train.settings import TrainSettings

LOSS = {"kind": "constraint", "beta": 0.3, "max_loss": 5.72}
#: How trainings on pairs differ, each tried once with another loss.
WAYS = {
    "noise": {"loss": {"kind": "unlikelihood", "beta": {"to": 0.2}}},
    "other": {"loss": LOSS, "conflicts_only": True},
    "hard": {"loss": {"kind": "margin", "margin": 0.5}},
    "mined": {"loss": {"kind": "constraint", "max_gradient": 0.5}, "accumulate": 2},
}


@pytest.fixture(scope="module")
def opened(dataset):
    examples = read_examples(dataset, "train")
    return open_model(model_section(), TrainSettings(), examples), examples


def paired(opened, dataset, kind, among=None, room=2**30, **how):
    loaded, examples = opened
    memory = Memory(room)
    read = Examples(loaded, dataset, examples, blind=False, memory=memory, stacks=Drawn(memory))
    return Pairs(read, among or examples, kind, **how)


def section(pairs, **changes):
    return train_section(pairs=pairs, **{"loss": LOSS, "max_steps": 2, "evaluations": 2, **changes})


@pytest.mark.parametrize("pairs", WAYS)
def test_every_kind_of_pair_trains_and_is_logged(dataset, tmp_path, pairs, caplog):
    with caplog.at_level("INFO", "docphim"):
        train(dataset, tmp_path, model=model_section(), train=section(pairs, **WAYS[pairs]))
    assert ("6 of 11 examples have no hard pair and are trained on alone" in caplog.text) is (pairs == "hard")
    rows = [row for row in read_jsonl(tmp_path / "log.jsonl") if "val/loss" in row]
    assert [row["step"] for row in rows] == [1, 2]
    for row in rows:
        logged = {"step", "epoch", "val/loss", "val/negative", "val/gap", "val/words", "val/distinct", "capped"}
        assert row.keys() == logged or (pairs == "hard" and row.keys() == logged - {"capped"}), "no example of a step had one"
        assert 0 <= row.get("capped", 0) <= 1 and 0 < row["val/distinct"] <= 100
        if pairs != "hard":  # of which not every example has one
            assert row["val/gap"] == pytest.approx(row["val/negative"] - row["val/loss"], abs=1e-6)
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert f"- pairs: {pairs}" in card and f"- loss: {WAYS[pairs]['loss']['kind']}" in card


def test_a_batch_holds_both_rows_of_each_pair_and_own_images_as_without_pairs(opened, dataset):
    loaded, examples = opened
    alone, pairs = Examples(loaded, dataset, examples, blind=False), paired(opened, dataset, "hard")
    plain, both = (Collate(loaded)([read[i] for i in (5, 4, 1)]) for read in (alone, pairs))
    assert both["positive"].keys() == plain["positive"].keys()
    assert all(both["positive"][name].equal(value) for name, value in plain["positive"].items())
    assert both["negative"]["places"].tolist() == [0, 2], "the second has no hard negative"
    texts = [[row[row >= 0].tolist() for row in both[side]["labels"]] for side in ("positive", "negative")]
    assert texts[1] == [texts[0][0], texts[0][2]], "the same answers"
    partners = Collate(loaded)([alone[7], alone[3]])["positive"]
    assert both["negative"]["pixel_values"].equal(partners["pixel_values"])
    noise = Collate(loaded)([paired(opened, dataset, "noise")[0]])["negative"]
    again = Collate(loaded)([paired(opened, dataset, "noise")[0]])["negative"]
    assert noise["pixel_values"].equal(again["pixel_values"])
    assert not noise["pixel_values"].equal(both["negative"]["pixel_values"][-len(noise["pixel_values"]) :])


def test_only_contradicted_sentences_are_labelled_and_what_contradicts_none_has_no_negative(opened, dataset):
    loaded, examples = opened
    pairs = paired(opened, dataset, "other", conflicts_only=True)
    for index in (0, 4):
        labels = pairs[index][1].labels
        sentence = TEXTS[index % 3][: TEXTS[index % 3].index(".") + 1]
        assert loaded.tokenizer.decode(labels[labels >= 0]) == sentence
        whole = pairs.negative(index, whole=True)
        assert whole.input_ids.equal(pairs[index][1].input_ids) and whole.labels.equal(pairs[index][0].labels)
    other = examples[0].pair["other"]
    none = replace(examples[0], pair={"other": {**other, "conflicts": []}})
    assert paired((loaded, [none, *examples[1:]]), dataset, "other", conflicts_only=True)[0][1] is None


@pytest.mark.parametrize("shown", [1, 3])
def test_a_partner_with_more_or_fewer_films_is_shown_with_all_of_them(opened, dataset, shown):
    """The question of an example with two films, beside a study with one or three."""
    loaded, examples = opened
    films = [examples[n].media[0] for n in range(3)]

    def with_films(one, count):
        tags = "<image>" * count
        question = replace(one.messages[0], content=one.messages[0].content.replace("<image>", tags))
        return replace(one, messages=[question, *one.messages[1:]], media=films[:count])

    two = [with_films(examples[0], 2), replace(with_films(examples[1], shown), pair=None)]
    pairs = paired((loaded, two), dataset, "other")
    positive, negative = pairs[0]
    assert [len(e.media["pixel_values"]) for e in (positive, negative)] == [2, shown]
    assert negative.labels[negative.labels >= 0].equal(positive.labels[positive.labels >= 0])


def test_a_film_is_drawn_once_however_many_show_it_and_no_more_is_kept_than_there_is_room_for(opened, dataset, monkeypatch):
    calls = []
    real = Examples.__init__.__globals__["draw"]
    monkeypatch.setitem(Examples.__init__.__globals__, "draw", lambda *a, **k: calls.append(1) or real(*a, **k))
    pairs, poor = paired(opened, dataset, "other"), paired(opened, dataset, "other", room=30_000)
    first = [pairs[n] for n in range(11)]
    assert len(calls) == 11 and pairs[3][0] is first[3][0]
    assert first[3][1].media["pixel_values"].data_ptr() == first[4][0].media["pixel_values"].data_ptr()
    again = [poor[n] for n in range(11)]
    assert len(calls) > 22, "the room was for three films"
    for one, other in zip(first, again, strict=True):
        assert all(a.media["pixel_values"].equal(b.media["pixel_values"]) for a, b in zip(one, other, strict=True))


def test_where_every_negative_is_capped_the_weights_are_those_of_the_plain_loss(dataset, tmp_path, monkeypatch):
    """And nothing went back through the model for the negatives."""
    sizes, real = [], torch.autograd.backward

    def counted(outputs, *args, **kwargs):
        sizes.append(1 if isinstance(outputs, torch.Tensor) else len(outputs))
        real(outputs, *args, **kwargs)

    monkeypatch.setattr(torch.autograd, "backward", counted)
    for name, changes in (("plain", {"loss": "answers"}), ("capped", {"pairs": "noise", "loss": {**LOSS, "max_loss": 0.0}})):
        train(dataset, tmp_path / name, model=model_section(), train=train_section(max_steps=2, evaluations=1, **changes))
    assert same(weights(tmp_path / "plain", 2), weights(tmp_path / "capped", 2))
    assert [size for size in sizes if size != 1] == [] and len(sizes) >= 2
    assert [row["capped"] for row in read_jsonl(tmp_path / "capped" / "log.jsonl") if "capped" in row] == [1.0]


@pytest.fixture(scope="module")
def mined(dataset, tmp_path_factory):
    """A training on mined pairs that nothing interrupted, and its settings."""
    run = tmp_path_factory.mktemp("mined")
    settings = section("mined", batch_size=1, accumulate=2, max_steps=4, evaluations=2)
    train(dataset, run, model=model_section(), train=settings)
    return run, settings


@pytest.mark.parametrize("happening", [(loop, "score", 6), (mine, "save", 2)], ids=["in a step", "between choosing and saving"])
def test_a_killed_training_on_mined_pairs_goes_on_to_the_same_weights_and_log(mined, dataset, tmp_path, happening):
    whole, settings = mined
    killed_at(happening, lambda: train(dataset, tmp_path, model=model_section(), train=settings))
    train(dataset, tmp_path, model=model_section(), train=settings)
    assert same(weights(tmp_path, 4), weights(whole, 4)) and steady(tmp_path) == steady(whole)
    chosen = read_json(whole / "checkpoints" / "checkpoint-4" / mine.CHOICES)
    assert len(chosen) == 11 and len({*chosen}) > 1


def test_the_neighbour_beside_which_the_report_is_likeliest_is_mined(opened, dataset):
    loaded, _ = opened
    pairs = paired(opened, dataset, "neighbours", conflicts_only=True)
    mine.mine(loaded, pairs, 4, Processes())
    for index, places in enumerate(pairs.places):
        nats = [decode.nats(loaded, collate(loaded, [pairs.beside.whole(place)], "right"))[0][0] for place in places]
        assert nats[pairs.chosen[index]] == pytest.approx(min(nats), abs=1e-4)


def test_two_processes_of_which_one_has_nothing_to_push_end_where_one_process_does(dataset, tmp_path, monkeypatch):
    """Bit for bit, with one micro-batch each; every second example has no negative, and long answers do not push."""
    seen = []

    def short_ones(scored, *, beta):
        seen.append(len(scored["negative"].odds))
        return constraint(scored, beta=beta if scored["negative"].targets.shape[1] < 50 else 0.0, max_loss=99)

    monkeypatch.setitem(LOSSES, "short_ones", short_ones)
    settings = section("hard", loss={"kind": "short_ones", "beta": 0.3}, batch_size=1, max_steps=4, evaluations=1)
    two = {**settings, "processes": 2}
    together = in_processes(2, tmp_path / "meeting", lambda: train(dataset, tmp_path / "two", model=model_section(), train=two))
    assert together == [0, 0]
    train(dataset, tmp_path / "one", model=model_section(), train={**settings, "accumulate": 2})
    assert {0, 1} <= {*seen}
    assert same(weights(tmp_path / "two", 4), weights(tmp_path / "one", 4))
    logs = [[row for row in read_jsonl(tmp_path / name / "log.jsonl") if "capped" in row] for name in ("two", "one")]
    assert 0 < logs[0][0]["capped"] == logs[1][0]["capped"] < 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"pairs": "other", "loss": "answers"}, "train.pairs: 'other', and the loss 'answers' looks at the own image alone"),
        ({"loss": "margin"}, "train.pairs: 'none', and the loss 'margin' compares two images"),
        ({"pairs": "other", "loss": {"kind": "margin", "beta": "much"}}, "train.loss.beta: a number, 0 or more, or a ramp"),
        (
            {"pairs": "other", "loss": "constraint", "cache_features": True},
            "train.cache_features: the vision encoder is trained",
        ),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(dataset, tmp_path, changes, why):
    with pytest.raises(UsageError) as error:
        train(dataset, tmp_path / "run", model=model_section(), train=train_section(**changes))
    assert str(error.value).startswith(why)


def blind_run(folder, blind, losses):
    folder.mkdir()
    (folder / "recipe.yaml").write_text(f"train: {{blind: {blind}}}", encoding="utf-8")
    write_jsonl(folder / "log.jsonl", [{"step": 1, "loss": 9.0}, *({"step": 2, "val/loss": loss} for loss in losses)])
    return str(folder)


def test_a_blind_runs_loss_and_a_margin_cap_the_negatives(tmp_path):
    max_loss = {"blind": blind_run(tmp_path / "blind", "true", [2.5, 2.25]), "margin": 0.5}
    assert loss_function({"kind": "constraint", "max_loss": max_loss}).keywords == {"max_loss": 2.75}
    assert cap.trained({"max_loss": max_loss}) == {"blind": tmp_path / "blind" / "train.json"}
    assert cap.trained({"max_loss": 2.0}) == {} == cap.trained({})


@pytest.mark.parametrize(
    ("blind", "losses", "changes", "why"),
    [
        ("false", [2.5], {}, "blind is no run with"),
        ("true", [], {}, "blind has no validation loss"),
        ("true", [2.5], {"blind": "nowhere"}, "nowhere is no run with"),
        ("true", [2.5], {"margins": 1}, "nats a token, or {blind: RUN, margin: 0.5}"),
    ],
)
def test_a_cap_that_cannot_be_taken_from_a_run_is_a_usage_error(tmp_path, blind, losses, changes, why):
    max_loss = {"blind": blind_run(tmp_path / "blind", blind, losses), **changes}
    with pytest.raises(UsageError, match=f"train.loss.max_loss.*{re.escape(why)}"):
        loss_function({"kind": "constraint", "max_loss": max_loss})


@pytest.mark.parametrize(
    ("conflicts", "line"),
    [
        (None, "train.pairs: no training example of the dataset has a negative for 'other'"),
        ([], "train.conflicts_only: no training example has a sentence that its 'other' negative contradicts"),
    ],
)
def test_a_dataset_with_nothing_to_compare_with_is_a_usage_error(dataset, tmp_path, conflicts, line):
    rows = [to_row(example(n, "train", TEXTS[0])) for n in range(3)]
    if conflicts is not None:
        rows[0]["pair"] = {"other": {"study": rows[1]["study"], "conflicts": conflicts}}
    write_jsonl(tmp_path / "examples" / "train.jsonl", rows)
    shutil.copytree(dataset / "prepared", tmp_path / "prepared")
    with pytest.raises(UsageError) as error:
        train(tmp_path, tmp_path / "run", model=model_section(), train=section("other", conflicts_only=True))
    assert str(error.value) == line


@pytest.mark.parametrize(
    ("loss", "does"), [(answers, False), (constraint, True), (lambda scored: scored["negative"].odds.sum(), True)]
)
def test_a_loss_is_asked_whether_it_looks_at_negatives(loss, does):
    assert contrast.compares(loss) is does


def test_features_of_a_frozen_encoder_are_trained_on_as_frames_are(dataset, tmp_path):
    model, logs = model_section(freeze=["vision"]), []
    for name in ("frames", "features"):
        settings = section("mined", cache_features=name == "features", max_steps=2, evaluations=1)
        train(dataset, tmp_path / name, model=model, train=settings)
        logs.append(steady(tmp_path / name))
    for one, other in zip(*logs, strict=True):
        assert one == pytest.approx(other, rel=1e-3)


def test_another_image_of_a_region_shows_the_same_region(opened):
    """What is shown of a partner is looked up by study and part."""
    of = replace(opened[1][0], task="region_findings.chest", pair={"other": {"study": "b", "differs": 1, "conflicts": []}})
    chest, limbs = (replace(of.media[0], study="b", frames={"within": span}) for span in ([30, 110], [200, 259]))
    [negative] = negatives(of, "other", {("b", "limbs"): [limbs], ("b", "chest"): [chest]}, conflicts_only=False)
    assert negative.example.media == [chest]
