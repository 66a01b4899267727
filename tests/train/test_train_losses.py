from collections.abc import Mapping

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from docphim.models.encode import answer_columns
from docphim.train.losses import answers
from docphim.train.scored import Scored

VOCABULARY = 7


def rows(lengths: list[tuple[int, int]], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits at every position and labels: per row a prompt and an answer of these lengths, the rest padding."""
    random = torch.Generator().manual_seed(seed)
    longest = max(a + b for a, b in lengths)
    labels = torch.full((len(lengths), longest), -100)
    for row, (prompt, answer) in zip(labels, lengths, strict=True):
        row[prompt : prompt + answer] = torch.randint(VOCABULARY, (answer,), generator=random)
    return torch.randn(len(lengths), longest, VOCABULARY, generator=random, dtype=torch.float64), labels


def scored(logits: torch.Tensor, labels: torch.Tensor, tokens: int, row_count: int = 0) -> Scored:
    columns = answer_columns(labels)
    return Scored(logits[:, columns], labels[:, columns + 1], torch.tensor(tokens), torch.tensor(row_count))


def loss_of(logits: torch.Tensor, labels: torch.Tensor, total: int) -> torch.Tensor:
    return answers({"positive": scored(logits, labels, total)})


def capped(sides: Mapping[str, Scored], *, beta: float, cap: float) -> torch.Tensor:
    """A paired loss as it may come: CE of the answers, minus beta times each row's CE beside another image, up to a cap."""
    negative = sides["negative"]
    nats = functional.cross_entropy(negative.logits.mT.float(), negative.targets, ignore_index=-100, reduction="none")
    means = nats.sum(1) / (negative.targets != -100).sum(1)
    return answers(sides) - beta * means.clamp(max=cap).sum() / negative.rows


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


@settings(max_examples=20, deadline=None)
@given(shapes, st.integers(0, 9), st.data())
def test_a_paired_loss_can_be_exact_however_a_step_is_cut_up(lengths, seed, data):
    """What a loss is given is enough for one that compares the same answers beside two images, row by row."""
    logits, labels = rows(lengths, seed)
    others, _ = rows(lengths, seed + 100)
    count, total = len(lengths), int((labels != -100).sum())
    cut = data.draw(st.integers(1, count - 1))

    def part(place: slice) -> torch.Tensor:
        sides = {
            "positive": scored(logits[place], labels[place], total, count),
            "negative": scored(others[place], labels[place], total, count),
        }
        return capped(sides, beta=0.1, cap=2.0)

    assert float(part(slice(cut)) + part(slice(cut, None))) == pytest.approx(float(part(slice(None))), rel=1e-5)
