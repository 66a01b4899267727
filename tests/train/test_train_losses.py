import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from docphim.models.encode import answer_columns
from docphim.train.losses import answer_loss

VOCABULARY = 7


def rows(lengths: list[tuple[int, int]], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits at every position and labels: per row a prompt and an answer of these lengths, the rest padding."""
    random = torch.Generator().manual_seed(seed)
    longest = max(a + b for a, b in lengths)
    labels = torch.full((len(lengths), longest), -100)
    for row, (prompt, answer) in zip(labels, lengths, strict=True):
        row[prompt : prompt + answer] = torch.randint(VOCABULARY, (answer,), generator=random)
    return torch.randn(len(lengths), longest, VOCABULARY, generator=random, dtype=torch.float64), labels


def loss_of(logits: torch.Tensor, labels: torch.Tensor, total: int) -> torch.Tensor:
    columns = answer_columns(labels)
    return answer_loss(logits[:, columns], labels, columns, total)


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
