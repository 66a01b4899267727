"""`generate.cache: static`: the drafts of a cache that grows, from one that is never copied; who cannot have it is told so."""

import pytest
import torch
from test_decode import prompts, talkative
from tiny_models import ARCHITECTURES, batch_of, make

from docphim.errors import UsageError
from docphim.models import decode
from docphim.models.sampling import Decoding


def places_of(cache):
    """Where what attention remembers lies in memory; layers that keep a state have none."""
    return [layer.keys.data_ptr() for layer in cache.layers if getattr(layer, "keys", None) is not None]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_greedy_drafts_are_those_of_a_cache_that_grows(architecture, monkeypatch):
    loaded = talkative(architecture)
    batch = batch_of(loaded, prompts(loaded), "left")
    made, real = [], decode.past
    monkeypatch.setattr(decode, "past", lambda *a: made.append(real(*a)) or made[-1])
    forward, places = loaded.model.forward, []

    def watched(**inputs):
        out = forward(**inputs)
        places.append((len(inputs["input_ids"]), places_of(made[-1])))
        return out

    loaded.model.forward = watched
    free = decode.generate(loaded, batch, max_new_tokens=14)
    ids = [loaded.tokenizer(text)["input_ids"] for text, _ in free]
    early = [next((t for t in row[2:] if t not in ids[0]), row[-1]) for row in ids[1:]]
    loaded.model.generation_config.eos_token_id = [loaded.tokenizer.eos_token_id, *early]
    grown = decode.generate(loaded, batch, max_new_tokens=14)
    places.clear()
    assert decode.generate(loaded, batch, max_new_tokens=14, cache="static") == grown
    assert len({text for text, _ in grown}) > 1
    steady = [lie for rows, lie in places if rows == 3]
    assert steady[0] and all(lie == steady[0] for lie in steady), "nothing is copied from token to token"


def test_a_window_that_is_shorter_than_the_prompt_is_remembered_as_before():
    loaded = make("gemma3", window=16)
    batch = batch_of(loaded, prompts(loaded), "left")
    one, other = (decode.generate(loaded, batch, max_new_tokens=30, cache=cache) for cache in ("dynamic", "static"))
    assert one == other and batch["input_ids"].shape[1] > 16


def test_drawn_tokens_are_the_same_too():
    loaded = talkative("qwen2_5_vl")
    batch = batch_of(loaded, prompts(loaded), "left")
    how = {"max_new_tokens": 8, "decoding": Decoding(temperature=1.0, top_k=20), "seeds": [1, 2, 3]}
    assert decode.generate(loaded, batch, **how) == decode.generate(loaded, batch, **how, cache="static")


def test_a_decoder_that_transformers_has_no_static_cache_for_is_refused(monkeypatch):
    def none(**_: object) -> None:
        raise KeyError("chunked_attention")

    loaded = make("qwen2_5_vl")
    monkeypatch.setattr(decode, "StaticCache", none)
    with pytest.raises(UsageError, match=r"^generate\.cache: static: transformers has none .*\(chunked_attention\)$"):
        decode.past(loaded, "static", 8)
    assert decode.past(loaded, "dynamic", 8) is not None and torch.is_grad_enabled()
