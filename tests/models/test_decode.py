from itertools import pairwise

import pytest
import torch
from tiny_models import batch_of, film, make, single

from docphim.models import decode
from docphim.models.encode import IGNORED, encode
from docphim.models.sampling import Decoding
from docphim.study import Message


def talkative(architecture: str):
    """A tiny model whose weights are large enough that its answers wander."""
    made = make(architecture)
    with torch.no_grad():
        for name, parameter in made.model.named_parameters():
            if "embed" not in name and parameter.dim() > 1:
                parameter.mul_(6)
    return made


def prompts(loaded):
    long = [Message("user", "<image>\n" + "Cho biết bệnh nhân bị gì? " * 4)]
    return [
        encode(loaded, single(None), [film(loaded)], answer=False),
        encode(loaded, long, [film(loaded, 1)], answer=False),
        encode(loaded, single(None), [film(loaded, 2)], answer=False),
    ]


@pytest.mark.parametrize("architecture", ["qwen2_5_vl", "qwen3_vl", "llava-llama", "minicpmv"])
@pytest.mark.parametrize("blind", [False, True])
def test_greedy_answers_are_those_of_transformers_generate(architecture, blind):
    loaded = talkative(architecture)
    rows = [encode(loaded, single(None), [], answer=False, blind=True)] * 2 if blind else prompts(loaded)
    batch = batch_of(loaded, rows, "left")
    ours = decode.generate(loaded, batch, max_new_tokens=12)
    batch.pop("labels")
    theirs = loaded.model.generate(**batch, max_new_tokens=12, do_sample=False)[:, batch["input_ids"].shape[1] :]
    for (text, finish), row in zip(ours, theirs, strict=True):
        ended = loaded.tokenizer.eos_token_id in row
        assert finish == ("stop" if ended else "length")
        whole = loaded.tokenizer.decode(row, skip_special_tokens=True).strip()
        assert text == whole.removesuffix("\N{REPLACEMENT CHARACTER}")
    assert any(text for text, _ in ours)


def test_an_answer_ends_at_its_end_token_and_ended_rows_leave_the_batch():
    loaded = talkative("qwen2_5_vl")
    batch = batch_of(loaded, prompts(loaded), "left")
    forward, tokens, sizes = loaded.model.forward, [], []

    def watched(**inputs):
        sizes.append(len(inputs["input_ids"]))
        out = forward(**inputs)
        tokens.append(out.logits[:, -1].argmax(-1))
        return out

    loaded.model.forward = watched
    free = decode.generate(loaded, batch, max_new_tokens=12)
    assert sizes == [3] * 12 and {finish for _, finish in free} == {"length"}
    rows = torch.stack(tokens, 1).tolist()
    early = {rows[1][3], rows[2][4]} - set(rows[0])
    assert len(early) == 2, "the rows must wander apart for this test to say anything"
    loaded.model.generation_config.eos_token_id = [loaded.tokenizer.eos_token_id, *early]
    sizes.clear()
    ended = decode.generate(loaded, batch, max_new_tokens=12)
    stops = [min((row.index(t) for t in early if t in row), default=12) for row in rows]
    assert [finish for _, finish in ended] == ["length", "stop", "stop"]
    for (text, _), row, stop in zip(ended, rows, stops, strict=True):
        whole = loaded.tokenizer.decode(row[:stop], skip_special_tokens=True).strip()
        assert text == whole.removesuffix("\N{REPLACEMENT CHARACTER}")
    assert sizes == [3] * (max(stops[1:]) + 1) + [1] * (11 - max(stops[1:]))


@pytest.mark.parametrize("architecture", ["qwen2_5_vl", "llava-llama", "minicpmv"])
@pytest.mark.parametrize("last", [0, 1, 2])
def test_the_rows_that_go_on_keep_their_places_when_others_have_ended(architecture, last):
    """Prompts of three lengths, of which only number `last` goes on: its positions and mask are those of a batch that stays."""
    loaded = talkative(architecture)
    texts = ["Tim?", "Cho biết bệnh nhân bị gì? " * 4, "Kết luận: tim to. " * 2]
    rows = [[Message("user", f"<image>\n{text}")] for text in texts]
    encoded = [encode(loaded, row, [film(loaded, n)], answer=False) for n, row in enumerate(rows)]
    batch = batch_of(loaded, encoded, "left")
    forward, steps = loaded.model.forward, []

    def watched(**inputs):
        out = forward(**inputs)
        places, mask = inputs["position_ids"], inputs["attention_mask"].sum(1).tolist()
        steps.append((places[..., -1].reshape(-1, len(mask)).T.tolist(), mask, out.logits[:, -1].argmax(-1).tolist()))
        return out

    loaded.model.forward = watched
    free = decode.generate(loaded, batch, max_new_tokens=10)
    tokens = [[step[2][row] for step in steps] for row in range(3)]
    whole = [(step[0][last], step[1][last]) for step in steps]
    assert all(later == ([n + 1 for n in place], mask + 1) for (place, mask), later in pairwise(whole))
    early = {next(t for t in tokens[row][2:] if t not in tokens[last]) for row in range(3) if row != last}
    loaded.model.generation_config.eos_token_id = [loaded.tokenizer.eos_token_id, *early]
    steps.clear()
    ended = decode.generate(loaded, batch, max_new_tokens=10)
    at = [last if len(step[1]) == 3 else 0 for step in steps]
    assert [len(step[1]) for step in steps][-1] == 1 and ended[last] == free[last]
    assert [(step[0][n], step[1][n]) for step, n in zip(steps, at, strict=True)] == whole


def test_a_batch_of_one_answers_as_it_does_among_others():
    loaded = talkative("qwen2_5_vl")
    rows = prompts(loaded)
    together = decode.generate(loaded, batch_of(loaded, rows, "left"), max_new_tokens=8)
    alone = [decode.generate(loaded, batch_of(loaded, [row], "left"), max_new_tokens=8)[0] for row in rows]
    assert together == alone


def test_sampling_repeats_with_its_seed_and_differs_without():
    loaded = talkative("qwen2_5_vl")
    batch = batch_of(loaded, prompts(loaded), "left")
    a, b, c = (
        decode.generate(loaded, batch, max_new_tokens=8, decoding=Decoding(temperature=1.0), seeds=[s, s, s]) for s in (1, 1, 2)
    )
    assert a == b != c


def test_nats_are_the_cross_entropy_of_the_labelled_tokens(loaded):
    rows = [encode(loaded, single(), [film(loaded)]), encode(loaded, single("Tim to."), [film(loaded, 1)])]
    together = decode.nats(loaded, batch_of(loaded, rows))
    for row, (nats, count) in zip(rows, together, strict=True):
        batch = batch_of(loaded, [row])
        labels = batch.pop("labels")
        with torch.no_grad():
            logits = loaded.model(**batch).logits[:, :-1]
        expected = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED, reduction="sum"
        )
        assert count == int((row.labels != IGNORED).sum()) and nats == pytest.approx(float(expected), rel=1e-4)


def test_decoding_leaves_no_trace_in_the_next_forward():
    loaded = make("qwen2_5_vl")
    batch = batch_of(loaded, [encode(loaded, single(), [film(loaded)])])
    before = decode.nats(loaded, batch)
    decode.generate(loaded, batch_of(loaded, prompts(loaded), "left"), max_new_tokens=3)
    assert decode.nats(loaded, batch) == before
