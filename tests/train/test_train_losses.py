import functools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from of_logits import OfLogits, of_logits, with_logits
from torch.nn import functional

from docphim.errors import UsageError
from docphim.models.encode import answer_columns
from docphim.train import LOSSES, loss_function, normal_loss
from docphim.train.contrast import compares
from docphim.train.losses import answers, constraint, margin, unlikelihood, weight
from docphim.train.options import OPTIONS

VOCABULARY = 7


def rows(lengths: list[tuple[int, int]], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits at every position and labels: per row a prompt and an answer of these lengths, the rest padding."""
    random = torch.Generator().manual_seed(seed)
    longest = max(a + b for a, b in lengths)
    labels = torch.full((len(lengths), longest), -100)
    for row, (prompt, answer) in zip(labels, lengths, strict=True):
        row[prompt : prompt + answer] = torch.randint(VOCABULARY, (answer,), generator=random)
    return torch.randn(len(lengths), longest, VOCABULARY, generator=random, dtype=torch.float64), labels


def scored(logits: torch.Tensor, labels: torch.Tensor, tokens: int, row_count: int = 0) -> OfLogits:
    columns = answer_columns(labels)
    return of_logits(logits[:, columns], labels[:, columns + 1], torch.tensor(tokens), torch.tensor(row_count))


def loss_of(logits: torch.Tensor, labels: torch.Tensor, total: int) -> torch.Tensor:
    return answers({"positive": scored(logits, labels, total)})


shapes = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5)), min_size=2, max_size=6)


@settings(max_examples=30, deadline=None)
@given(shapes, st.integers(0, 9), st.data())
def test_however_a_batch_is_cut_the_loss_is_the_mean_over_its_answer_tokens(lengths, seed, data):
    logits, labels = rows(lengths, seed)
    total = int((labels != -100).sum())
    cut = data.draw(st.integers(1, len(lengths) - 1))
    parts = loss_of(logits[:cut], labels[:cut], total) + loss_of(logits[cut:], labels[cut:], total)
    whole = functional.cross_entropy(
        logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100, reduction="mean"
    )
    assert float(parts) == pytest.approx(float(whole), rel=1e-5)


def test_means_of_unequal_micro_batches_would_be_another_number():
    logits, labels = rows([(1, 5), (1, 1)], 0)
    means = [float(loss_of(logits[i : i + 1], labels[i : i + 1], int((labels[i] != -100).sum()))) for i in range(2)]
    assert sum(means) / 2 != pytest.approx(float(loss_of(logits, labels, 6)), rel=1e-3)


#: Losses on pairs, where some rows of `pair` pull and some do not (capped, or over the margin), and what each adds for a row of
#: negatives, written down apart: its tokens' log p beside the other image, and the mean of -log p beside its own.
PAIRED = {
    "constraint": (
        functools.partial(constraint, alpha=0.7, beta=0.3, max_loss=2.4),
        0.7, lambda logs, fixed: -0.3 * len(logs) * min(-logs.mean(), 2.4),
    ),
    "its default cap": (
        functools.partial(constraint, beta=0.3), 1.0, lambda logs, fixed: -0.3 * len(logs) * min(-logs.mean(), math.log(7)),
    ),
    "a ramp": (
        functools.partial(constraint, beta={"from": 0.1, "to": 0.5, "until": 0.5}, max_loss=9.0),
        1.0, lambda logs, fixed: -0.3 * len(logs) * -logs.mean(),
    ),
    "unlikelihood": (functools.partial(unlikelihood, beta=0.3), 1.0, lambda logs, fixed: -0.3 * np.log1p(-np.exp(logs)).sum()),
    "margin": (
        functools.partial(margin, beta=0.3, margin=0.2),
        1.0, lambda logs, fixed: 0.3 * len(logs) * max(0.0, 0.2 - (-logs.mean() - fixed)),
    ),
}  # fmt: skip


def pair(lengths, seed, chosen, total):
    """Both sides of the rows `chosen`, a quarter of the way; all but the first row have a negative."""
    images, labels = [rows(lengths, seed + n)[0] for n in (0, 100)], rows(lengths, seed)[1]
    taken = [n for n in chosen if n > 0]
    places = torch.tensor([chosen.index(n) for n in taken], dtype=torch.long)
    positive = scored(images[0][chosen], labels[chosen], total, len(lengths))
    negative = scored(images[1][taken], labels[taken], total, len(lengths)) if taken else positive.without_rows()
    return {"positive": replace(positive, progress=0.25), "negative": replace(negative, places=places, progress=0.25)}


def written_down(alpha, added, sides, of_negatives):
    """A loss in float64 as its formula says, from the negatives' logits."""
    positive, negative = sides["positive"], sides["negative"]

    def logs(logits, targets):
        places = np.flatnonzero(targets != -100)
        return (logits - np.log(np.exp(logits).sum(1, keepdims=True)))[places, targets[places]]

    plain = [logs(row, t) for row, t in zip(positive.logits.numpy(), positive.targets.numpy(), strict=True)]
    other = [logs(row, t) for row, t in zip(of_negatives, negative.targets.numpy(), strict=True)]
    pulled = sum(added(row, -plain[place].mean()) for row, place in zip(other, negative.places.tolist(), strict=True))
    return (-alpha * sum(map(np.sum, plain)) + pulled) / int(positive.tokens)


@pytest.mark.parametrize("name", PAIRED)
def test_a_paired_loss_and_its_gradient_are_what_its_formula_says(name):
    loss, alpha, added = PAIRED[name]
    sides = pair([(2, 3), (1, 4), (3, 2), (1, 1), (2, 4)], 2, [0, 1, 2, 3, 4], 14)
    logits = sides["negative"].logits.clone().requires_grad_()
    value = loss({**sides, "negative": with_logits(sides["negative"], logits)})
    value.backward()
    at, numeric, step = logits.detach().numpy().copy(), np.zeros(logits.shape), 1e-5
    assert value.item() == pytest.approx(written_down(alpha, added, sides, at), rel=1e-5)
    for place in np.ndindex(*at.shape):
        ends = []
        for sign in (1, -1):
            moved = at.copy()
            moved[place] += sign * step
            ends.append(written_down(alpha, added, sides, moved))
        numeric[place] = (ends[0] - ends[1]) / (2 * step)
    assert np.allclose(logits.grad.numpy(), numeric, atol=2e-6)
    pulling = np.abs(numeric).reshape(len(numeric), -1).max(1) > 1e-9
    assert pulling.any() and (name in ("unlikelihood", "a ramp") or not pulling.all()), pulling


@settings(max_examples=20, deadline=None)
@given(shapes, st.integers(0, 9), st.sampled_from(sorted(PAIRED)), st.data())
def test_a_paired_loss_is_the_same_however_a_step_is_cut_up(lengths, seed, name, data):
    """Also where a part of the step has no negative at all: the first row has none."""
    loss, total = PAIRED[name][0], sum(answer for _, answer in lengths)
    cut, everything = data.draw(st.integers(1, len(lengths) - 1)), list(range(len(lengths)))
    parts = [loss(pair(lengths, seed, some, total)) for some in (everything[:cut], everything[cut:])]
    assert float(sum(parts)) == pytest.approx(float(loss(pair(lengths, seed, everything, total))), rel=1e-5, abs=1e-6)


def test_the_pull_at_a_negatives_token_can_be_bounded_and_changes_no_value():
    sides, grads = pair([(2, 3), (1, 4), (3, 2)], 3, [0, 1, 2], 9), []
    values = []
    for most in (None, 0.5):
        logits = sides["negative"].logits.clone().requires_grad_()
        value = constraint(
            {**sides, "negative": with_logits(sides["negative"], logits)}, beta=0.3, max_loss=9, max_gradient=most
        )
        value.backward()
        grads.append(logits.grad * 9 / 0.3)
        values.append(value.item())
    free, bound = (torch.linalg.vector_norm(grad, dim=2) for grad in grads)
    assert free.max() > 0.9 and bound.max() == pytest.approx(0.5, rel=1e-5)
    assert torch.allclose(
        torch.nn.functional.normalize(grads[0], dim=2), torch.nn.functional.normalize(grads[1], dim=2), atol=1e-5
    )


@pytest.mark.parametrize(
    ("value", "weights"),
    [
        (0.1, [0.1, 0.1]),
        ({"to": 0.2}, [0.05, 0.2]),
        ({"from": 1, "to": 0, "until": 0.5}, [0.5, 0.0]),
        ({"to": 3, "until": 0}, [3, 3]),
    ],
)
def test_a_weight_is_a_number_or_a_ramp(value, weights):
    assert [weight(value, progress) for progress in (0.25, 1.0)] == weights


@pytest.mark.parametrize("value", ["0.1", None, True, -0.1, math.nan, {"from": 0}, {"to": 1, "over": 2}, {"to": "x"}])
def test_a_weight_that_is_neither_is_a_usage_error(value):
    with pytest.raises(UsageError, match=r"train\.loss\.beta"):
        weight(value, 0.5)


RAMP = "beta: a number, 0 or more, or a ramp {from: 0, to: 0.1, until: 0.5}, until from 0 to 1"
CAP = "max_loss: nats a token, or {blind: RUN, margin: 0.5}; numbers are 0 or more"


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ({"kind": "constraint", "betta": 1}, "betta: 'constraint' has no such option; did you mean 'beta'?"),
        ({"kind": "unlikelihood", "max_loss": 1}, "max_loss: 'unlikelihood' has no such option; known: alpha, beta"),
        ({"kind": "constraint", "max_loss": "abc"}, CAP),
        ({"kind": "constraint", "max_loss": -1}, CAP),
        ({"kind": "constraint", "max_loss": {"blind": "runs/x", "margin": "a"}}, CAP),
        ({"kind": "constraint", "max_loss": {"margin": 1}}, CAP),
        ({"kind": "constraint", "alpha": "x"}, "alpha: a number, 0 or more"),
        ({"kind": "constraint", "alpha": None}, "alpha: a number, 0 or more"),
        ({"kind": "constraint", "max_gradient": -1}, "max_gradient: a number, 0 or more, or null"),
        ({"kind": "margin", "margin": "a"}, "margin: a number, 0 or more"),
        ({"kind": "margin", "beta": math.nan}, RAMP),
        ({"kind": "margin", "beta": math.inf}, RAMP),
        ({"kind": "margin", "beta": -0.1}, RAMP),
        ({"kind": "margin", "beta": {"to": 0.1, "until": 2}}, RAMP),
        ({"kind": "margin", "beta": {"from": -1, "to": 0.1}}, RAMP),
        ({"kind": "margin", "beta": [0.1]}, RAMP),
    ],
)
def test_a_wrong_option_of_a_loss_is_refused_with_its_key_and_what_is_allowed(section, line):
    with pytest.raises(UsageError) as error:
        loss_function(section)
    assert str(error.value) == f"train.loss.{line}"


@pytest.mark.parametrize("kind", LOSSES)
def test_what_is_known_of_a_loss_without_torch_is_what_its_function_takes_and_looks_at(kind):
    function = loss_function({"kind": kind})
    defaults = {name: default for name, (default, _) in OPTIONS[kind].items()}
    assert defaults == (function.func.__kwdefaults__ or {}) and ("beta" in defaults) is compares(function)
    assert normal_loss({"kind": kind, **defaults}) == normal_loss({"kind": kind}) == {"kind": kind, **defaults}
