"""Decoding settings: as transformers defines them, and drawn by a row's own seed."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_decode import prompts, talkative
from tiny_models import batch_of

from docphim.models import decode
from docphim.models.sampling import GREEDY, Decoding, Sampler, unlike

ENDS = torch.tensor([2])


def sampler(decoding, ids=((0, 1),), mask=None, seeds=(0,), vocabulary=6, most=8):
    ids = torch.tensor(ids)
    mask = torch.ones_like(ids) if mask is None else torch.tensor(mask)
    return Sampler(decoding, ids, mask, vocabulary, ENDS, seeds, most)


@pytest.mark.parametrize("architecture", ["qwen2_5_vl", "llava-llama"])
@pytest.mark.parametrize(
    "asked",
    [
        {"repetition_penalty": 1.3},
        {"min_new_tokens": 5},
        {"repetition_penalty": 1.7, "min_new_tokens": 12},
        {"repetition_penalty": 0.8},
    ],
)
def test_each_setting_means_what_it_means_to_transformers(architecture, asked):
    loaded = talkative(architecture)
    for one in prompts(loaded):
        batch = batch_of(loaded, [one], "left")
        ((text, _),) = decode.generate(loaded, batch, max_new_tokens=12, decoding=Decoding(**asked))
        batch.pop("labels")
        theirs = loaded.model.generate(**batch, max_new_tokens=12, do_sample=False, **asked)[0, batch["input_ids"].shape[1] :]
        assert text == loaded.tokenizer.decode(theirs, skip_special_tokens=True).strip().removesuffix("\ufffd")


def test_a_penalty_counts_prompt_and_answer_but_no_padding():
    chooser = sampler(Decoding(repetition_penalty=2.0), ids=((3, 3, 1), (3, 4, 1)), mask=((0, 0, 1), (1, 1, 1)))
    # Row 0: 1 is in the prompt (2.0 becomes 1.0), 3 is padding and keeps its 1.5; row 1: negative logits become lower.
    logits = torch.tensor([[0.5, 2.0, -9, 1.5, 1.2, 0.0], [-2.5, -1.5, -9, -1.6, -1.3, -2.4]])
    assert chooser.choose(logits).tolist() == [3, 5]
    # What was answered counts from then on; row 1 alone goes on.
    chooser.keep(torch.tensor([1]))
    assert chooser.choose(logits[1:]).tolist() == [0]


def test_an_answer_does_not_end_before_it_may():
    chooser = sampler(Decoding(min_new_tokens=2))
    logits = torch.tensor([[0.0, 1.0, 5.0, 0.0, 0.0, 0.0]])
    assert [chooser.choose(logits).item() for _ in range(3)] == [1, 1, 2]


@pytest.mark.parametrize(
    ("asked", "possible"),
    [
        ({}, {0, 1, 2, 3}),
        ({"top_k": 2}, {0, 1}),
        ({"top_p": 0.85}, {0, 1, 2}),
        ({"top_p": 0.3}, {0}),
        ({"top_k": 3, "top_p": 0.8}, {0, 1}),
    ],
)
def test_tokens_are_drawn_among_those_that_top_k_and_top_p_leave(asked, possible):
    chances = torch.tensor([[0.5, 0.25, 0.15, 0.1, 0.0, 0.0]])
    count = 400
    chooser = sampler(Decoding(temperature=1.0, **asked), most=count)
    drawn = [chooser.choose(chances.log()).item() for _ in range(count)]
    assert set(drawn) == possible
    whole = chances[0, sorted(possible)].sum()
    for token in possible:
        assert drawn.count(token) / count == pytest.approx(float(chances[0, token] / whole), abs=0.08)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=6), st.data())
def test_what_a_row_draws_does_not_depend_on_the_rows_beside_it(seeds, data):
    logits = torch.randn(len(seeds), 5, 6, generator=torch.Generator().manual_seed(0))
    how = Decoding(temperature=0.7, top_p=0.9, repetition_penalty=1.2)
    together = sampler(how, [[0, 1]] * len(seeds), seeds=seeds)
    rows = torch.stack([together.choose(logits[:, step]) for step in range(5)], 1)
    row = data.draw(st.integers(0, len(seeds) - 1))
    alone = sampler(how, seeds=seeds[row : row + 1])
    assert [alone.choose(logits[row, step][None]).item() for step in range(5)] == rows[row].tolist()


def test_drawn_drafts_are_the_same_in_every_batch_and_when_rows_end(monkeypatch):
    loaded, how, tokens = talkative("qwen2_5_vl"), Decoding(temperature=1.0, top_p=0.95), []
    choose = Sampler.choose

    def watched(self, logits):
        tokens.append(choose(self, logits))
        return tokens[-1]

    monkeypatch.setattr(Sampler, "choose", watched)

    def drafts(*numbers):
        rows = [prompts(loaded)[n] for n in numbers]
        seeds = [5 + n for n in numbers]
        return decode.generate(loaded, batch_of(loaded, rows, "left"), max_new_tokens=10, decoding=how, seeds=seeds)

    together = drafts(0, 1, 2)
    each = torch.stack(tokens, 1).tolist()
    early = [next(t for t in row[1:] if t not in each[0]) for row in each[1:]]
    assert [*drafts(0), *drafts(1), *drafts(2)] == together
    loaded.model.generation_config.eos_token_id = [loaded.tokenizer.eos_token_id, *early]
    ended = drafts(0, 1, 2)
    assert [finish for _, finish in ended] == ["length", "stop", "stop"] and ended[0] == together[0]


def test_drawing_needs_a_seed_a_row():
    with pytest.raises(ValueError, match="1 seeds for 2 rows"):
        sampler(Decoding(temperature=1.0), ids=((0, 1), (1, 0)), seeds=(1,))


@pytest.mark.parametrize(
    ("own", "asked", "unused"),
    [
        ({}, {}, {}),
        (
            {"repetition_penalty": 1.05, "temperature": 0.1, "top_p": 0.001, "do_sample": False},
            {},
            {"repetition_penalty": 1.05},
        ),
        ({"repetition_penalty": 1.05}, {"repetition_penalty": 1.05}, {}),
        ({"do_sample": True, "temperature": 0.7, "top_k": 20}, {}, {"temperature": 0.7, "top_k": 20}),
    ],
)
def test_what_a_checkpoint_brings_along_is_named_where_it_differs(own, asked, unused):
    loaded = talkative("qwen2_5_vl")
    before = decode.generate(loaded, batch_of(loaded, prompts(loaded), "left"), max_new_tokens=6)
    for name, value in own.items():
        setattr(loaded.model.generation_config, name, value)
    assert unlike(loaded, Decoding(**asked)) == unused
    assert decode.generate(loaded, batch_of(loaded, prompts(loaded), "left"), max_new_tokens=6, decoding=GREEDY) == before
