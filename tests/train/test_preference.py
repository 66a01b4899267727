"""SimNPO and mDPO: their values and gradients beside a plain computation, and trainings with a reference that is stored."""

import functools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from of_logits import of_logits, with_logits
from tiny_training import killed_at, model_section, same, steady, train_section, weights

from docphim import preflight, recipe
from docphim.errors import UsageError
from docphim.files import read_examples, read_json, read_jsonl
from docphim.models import decode
from docphim.models.encode import collate
from docphim.train import check_loss, checkpoint, loop, loss_function, reference, train
from docphim.train.batch import Examples
from docphim.train.losses import answers, mdpo, simnpo
from docphim.train.model import open_model
from docphim.train.pairs import Pairs
from docphim.train.processes import Processes
from docphim.train.settings import TrainSettings

#: Tokens of each row's answer; the first row has no negative.
LENGTHS, TOKENS, WORDS = (3, 4, 1, 2, 5), 15, 7


def sides(chosen=range(5)):
    """Both sides of some rows, in float64, with what a reference makes of them: near what the model makes of them."""
    random = torch.Generator().manual_seed(1)
    logits = [torch.randn(2, max(LENGTHS), WORDS, generator=random, dtype=torch.float64) * 2 for _ in LENGTHS]
    targets = [torch.randint(WORDS, (max(LENGTHS),), generator=random) for _ in LENGTHS]
    offsets = torch.randn(len(LENGTHS), 2, generator=random, dtype=torch.float64) * 4
    made = []
    for image, rows in ((0, list(chosen)), (1, [n for n in chosen if n > 0])):
        taken = [torch.where(torch.arange(max(LENGTHS)) < LENGTHS[n], targets[n], -100) for n in rows]
        nats = [
            -logits[n][image].log_softmax(1)[range(LENGTHS[n]), targets[n][: LENGTHS[n]]].sum() + offsets[n][image]
            for n in rows
        ]
        stacked = torch.stack([logits[n][image] for n in rows]) if rows else torch.zeros(0, max(LENGTHS), WORDS)
        of = torch.stack(taken) if taken else torch.zeros(0, max(LENGTHS), dtype=torch.long)
        places = torch.tensor([list(chosen).index(n) for n in rows], dtype=torch.long) if image else None
        count = torch.tensor(len(LENGTHS) - image)
        known = torch.stack(nats) if nats else torch.zeros(0, dtype=torch.float64)
        made.append(of_logits(stacked, of, torch.tensor(TOKENS), count, places=places, reference=known))
    return dict(zip(("positive", "negative"), made, strict=True))


def log_p(logits, targets):
    places = np.flatnonzero(targets != -100)
    return (logits - np.log(np.exp(logits).sum(1, keepdims=True)))[places, targets[places]]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def plain_simnpo(own, other, of, *, alpha, beta, sharpness, margin):
    rows = [log_p(row, t) for row, t in zip(other, of["negative"].targets.numpy(), strict=True)]
    pushed = sum(len(row) * -2 / sharpness * np.log(sigmoid(sharpness * -row.mean() - margin)) for row in rows)
    return (plain_answers(own, of, alpha) + beta * pushed) / TOKENS


def plain_mdpo(own, other, of, *, alpha, beta, sharpness, anchor):
    gained = {
        side: [
            log_p(row, t).sum() + known
            for row, t, known in zip(values, one.targets.numpy(), one.reference.numpy(), strict=True)
        ]
        for side, values, one in (("own", own, of["positive"]), ("other", other, of["negative"]))
    }
    total = 0.0
    for place, away in zip(of["negative"].places.tolist(), gained["other"], strict=True):
        toward = gained["own"][place]
        total -= np.log(sigmoid(sharpness * (toward - away))) + np.log(sigmoid(sharpness * toward - anchor))
    return plain_answers(own, of, alpha) / TOKENS + beta * total / 4


def plain_answers(own, of, alpha):
    return -alpha * sum(log_p(row, t).sum() for row, t in zip(own, of["positive"].targets.numpy(), strict=True))


LOSSES = {
    "simnpo": (simnpo, plain_simnpo, {"alpha": 0.7, "beta": 0.3, "sharpness": 1.5, "margin": 0.4}),
    "simnpo without answers": (simnpo, plain_simnpo, {"alpha": 0.0, "beta": 1.0, "sharpness": 2.5, "margin": 0.0}),
    "mdpo": (mdpo, plain_mdpo, {"alpha": 0.7, "beta": 0.3, "sharpness": 0.4, "anchor": 0.5}),
    "mdpo as published": (mdpo, plain_mdpo, {"alpha": 0.0, "beta": 1.0, "sharpness": 0.1, "anchor": 0.0}),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_and_its_gradients_beside_both_images_are_what_its_formula_says(name):
    loss, plain, options = LOSSES[name]
    of = sides()
    leaves = {side: one.logits.clone().requires_grad_() for side, one in of.items()}
    value = loss({side: with_logits(one, leaves[side]) for side, one in of.items()}, **options)
    value.backward()
    at = {side: leaf.detach().numpy().copy() for side, leaf in leaves.items()}
    assert value.item() == pytest.approx(plain(at["positive"], at["negative"], of, **options), rel=1e-5)
    for side, leaf in leaves.items():
        numeric = np.zeros(leaf.shape)
        for place in np.ndindex(*leaf.shape):
            ends = []
            for sign in (1, -1):
                moved = {**at, side: at[side].copy()}
                moved[side][place] += sign * 1e-5
                ends.append(plain(moved["positive"], moved["negative"], of, **options))
            numeric[place] = (ends[0] - ends[1]) / 2e-5
        gradient = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy()
        assert np.allclose(gradient, numeric, atol=2e-6)
        assert np.abs(numeric).max() > 1e-4 or (side == "positive" and name == "simnpo without answers")


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("cut", [1, 3])
def test_a_loss_is_the_same_however_a_step_is_cut_up(name, cut):
    """Also where a part of the step has no negative at all: the first row has none."""
    loss = functools.partial(LOSSES[name][0], **LOSSES[name][2])
    parts = [loss(sides(some)) for some in (range(cut), range(cut, 5))]
    assert float(sum(parts)) == pytest.approx(float(loss(sides())), rel=1e-5)


def test_a_negative_that_has_become_unlikely_is_let_go():
    of, pulls = sides(), []
    for far in (0.0, 30.0):
        away = of["negative"].logits.clone()
        away.scatter_add_(2, of["negative"].targets.clamp(min=0)[..., None], -torch.full((4, 5, 1), far, dtype=torch.float64))
        for loss in (simnpo, mdpo):
            logits = away.clone().requires_grad_()
            loss({**of, "negative": with_logits(of["negative"], logits)}, alpha=0.0, beta=1.0).backward()
            pulls.append(float(logits.grad.abs().max()))
    assert pulls[2] < 1e-6 * pulls[0] and pulls[3] < 0.5 * pulls[1]


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ({"kind": "simnpo", "sharpness": 0}, "sharpness: a number above 0"),
        ({"kind": "mdpo", "sharpness": "x"}, "sharpness: a number above 0"),
        ({"kind": "mdpo", "anchor": -1}, "anchor: a number, 0 or more"),
        ({"kind": "mdpo", "margin": 1}, "margin: 'mdpo' has no such option; known: alpha, beta, sharpness, anchor"),
    ],
)
def test_a_wrong_option_is_refused(section, line):
    with pytest.raises(UsageError) as error:
        loss_function(section)
    assert str(error.value) == f"train.loss.{line}"


def test_mdpo_compares_whole_answers(dataset, tmp_path):
    line = r"train\.conflicts_only: the loss 'mdpo' compares whole answers"
    section = {"pairs": "other", "conflicts_only": True, "loss": "mdpo"}
    with pytest.raises(UsageError, match=line):
        train(dataset, tmp_path / "run", model=model_section(), train=train_section(**section))
    values = {"name": "x", "source": {"kind": "phantom"}, "model": {"family": "qwen_vl"}, "train": section}
    with pytest.raises(UsageError, match=line):
        preflight.check(recipe.validated(recipe.Recipe, values, ""), "page")
    check_loss({"kind": "simnpo"}, "other", conflicts_only=True)


@pytest.mark.parametrize("kind", ["simnpo", "mdpo"])
@pytest.mark.parametrize("pairs", ["noise", "hard", "mined"])
def test_it_trains_on_every_kind_of_pair(dataset, tmp_path, kind, pairs):
    section = train_section(pairs=pairs, loss={"kind": kind, "beta": 0.5}, max_steps=2, evaluations=2, accumulate=2)
    train(dataset, tmp_path, model=model_section(), train=section)
    rows = [row for row in read_jsonl(tmp_path / "log.jsonl") if "loss" in row]
    assert len(rows) == 2 and all(np.isfinite(row["loss"]) for row in rows)
    assert (tmp_path / "checkpoints" / reference.FILE).exists() is (kind == "mdpo")
    assert f"- loss: {kind}" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")


def test_before_the_first_step_nothing_is_preferred(dataset, tmp_path):
    """Δ is 0 beside every image then, so that the two terms are ln 2 each."""
    section = train_section(pairs="other", loss={"kind": "mdpo", "alpha": 0, "beta": 1}, max_steps=1, evaluations=1)
    train(dataset, tmp_path, model=model_section(), train=section)
    [first] = [row for row in read_jsonl(tmp_path / "log.jsonl") if "loss" in row]
    assert first["loss"] == pytest.approx(2 * np.log(2), rel=1e-6)


def test_the_reference_is_what_the_model_makes_of_each_answer_before_it_is_trained(dataset, tmp_path):
    section = train_section(pairs="mined", loss="mdpo", max_steps=1, evaluations=1)
    train(dataset, tmp_path, model=model_section(), train=section)
    stored = read_json(tmp_path / "checkpoints" / reference.FILE)
    examples = read_examples(dataset, "train")
    loaded = open_model(model_section(), TrainSettings(), examples)
    pairs = Pairs(Examples(loaded, dataset, examples, blind=False), examples, "neighbours")
    for side, of in (("positive", pairs.positives), ("negative", pairs.beside)):
        nats = [decode.nats(loaded, collate(loaded, [of[n]], "right"))[0][0] for n in range(len(of))]
        assert stored[side] == pytest.approx(nats, rel=1e-5)
    assert len(stored["negative"]) == 33, "three neighbours each"
    pairs.reference = stored["positive"], stored["negative"]
    pairs.chosen[4] = 2
    own, other = pairs[4]
    assert (own.reference, other.reference) == (stored["positive"][4], stored["negative"][3 * 4 + 2])


@pytest.mark.parametrize("happening", [(loop, "score", 4), (checkpoint, "seal", 2), (reference, "_sum_of", 1)])
def test_a_killed_training_goes_on_with_the_reference_that_it_began_with(dataset, tmp_path, happening, monkeypatch):
    section = train_section(pairs="other", loss={"kind": "mdpo", "beta": 0.5})
    train(dataset, tmp_path / "whole", model=model_section(), train=section)
    killed_at(happening, lambda: train(dataset, tmp_path / "run", model=model_section(), train=section))
    anew, real = [], reference._nats
    monkeypatch.setattr(reference, "_nats", lambda *a: anew.append(1) or real(*a))
    train(dataset, tmp_path / "run", model=model_section(), train=section)
    assert bool(anew) is (happening[0] is reference), "only where it was killed before anything was stored"
    assert same(weights(tmp_path / "run", 4), weights(tmp_path / "whole", 4))
    assert steady(tmp_path / "run") == steady(tmp_path / "whole")


def test_two_processes_share_the_reference_and_end_where_one_does(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    settings = {"pairs": "hard", "loss": {"kind": "mdpo", "beta": 0.5}, "max_steps": 3, "evaluations": 1, "batch_size": 1}
    for name, changes in (("two", {"processes": 2}), ("one", {"accumulate": 2})):
        train(dataset, tmp_path / name, model=model_section(), train=train_section(**settings, **changes))
    two, one = (read_json(tmp_path / name / "checkpoints" / reference.FILE) for name in ("two", "one"))
    assert two["key"] == one["key"] and len(two["positive"]) == 11 and len(two["negative"]) == 5
    for side in ("positive", "negative"):
        assert two[side] == pytest.approx(one[side], rel=1e-6)
    ours, theirs = (weights(tmp_path / name, 3) for name in ("two", "one"))
    assert max(float((ours[name] - theirs[name]).abs().max()) for name in ours) <= 1e-6


@pytest.mark.parametrize("change", ["a digit", "another training", "not JSON"])
def test_a_stored_reference_that_cannot_be_trusted_is_worked_out_anew(dataset, tmp_path, change):
    examples = read_examples(dataset, "train")
    loaded = open_model(model_section(), TrainSettings(), examples)
    pairs = Pairs(Examples(loaded, dataset, examples, blind=False), examples, "other")
    reference.refer(loaded, pairs, tmp_path, "key", 2, Processes())
    first, path = pairs.reference, tmp_path / reference.FILE
    stored = json.loads(path.read_text(encoding="utf-8"))
    if change == "a digit":
        stored["negative"][3] += 0.1
    path.write_text("{" if change == "not JSON" else json.dumps(stored), encoding="utf-8")
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            parameter.mul_(0.5)
    reference.refer(loaded, pairs, tmp_path, "other" if change == "another training" else "key", 2, Processes())
    assert pairs.reference != first and read_json(path)["positive"] == pairs.reference[0]


def test_a_loss_that_is_given_no_reference_stops():
    of = {side: replace(one, reference=None) for side, one in sides().items()}
    with pytest.raises(ValueError, match="no likelihoods of a reference model"):
        mdpo(of)
    assert float(simnpo(of, beta=0.0)) == pytest.approx(float(answers(of)))
