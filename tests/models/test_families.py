"""The two families: positions, sizes, tiny models."""

import pytest
import torch
from tiny_models import ARCHITECTURES, TEXTS, batch_of, dialogue, film, logits, make, single

from docphim.errors import UsageError
from docphim.models import FAMILIES, family, load, qwen_vl
from docphim.models.encode import encode
from docphim.models.tiny import train_tokenizer
from docphim.study import Message


def test_an_unknown_family_is_named_with_the_known_ones():
    with pytest.raises(UsageError, match=", ".join(FAMILIES)):
        family("gpt")


@pytest.mark.parametrize("architecture", ["qwen2_5_vl", "qwen2_vl", "qwen3_vl"])
def test_a_film_has_positions_in_three_dimensions_and_text_runs_on_after_its_longer_side(architecture):
    made = make(architecture)
    wide = load.create_tiny(
        "qwen_vl", TEXTS, (56, 84), 0, {"vocab": 400, "hidden": 64, "layers": 1, "heads": 4, "type": architecture}
    )
    assert wide.size == (56, 84)
    messages = [Message("user", "<image>\nA")]
    encoded = encode(wide, messages, [film(wide)])
    ids = encoded.input_ids.tolist()
    start = ids.index(wide.processor.image_token_id)  # <|im_start|> user \n <|vision_start|>
    positions = encoded.per_token["position_ids"]
    # 56 x 84 pixels are 2 x 3 merged patches; Qwen2-VL paper, figure 3: time stays, rows and columns count from the start.
    assert positions[:, :start].tolist() == [list(range(start))] * 3
    film_positions = positions[:, start : start + 6] - start
    assert film_positions.tolist() == [[0] * 6, [0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2]]
    rest = len(ids) - start - 6
    assert positions[:, start + 6 :].tolist() == [[start + 3 + i for i in range(rest)]] * 3
    assert made.size == (56, 56)


@pytest.mark.parametrize("architecture", ["qwen2_5_vl", "qwen2_vl", "qwen3_vl"])
@pytest.mark.parametrize("pad", ["left", "right"])
def test_positions_of_films_are_those_of_transformers(architecture, pad):
    made = make(architecture)
    rows = [encode(made, single(), [film(made)]), encode(made, dialogue(), [film(made), film(made, 1)])]
    batch = batch_of(made, rows, pad)
    names = ("input_ids", "mm_token_type_ids", "image_grid_thw", "attention_mask")
    theirs, _ = made.model.model.get_rope_index(**{name: batch[name] for name in names})
    real = batch["attention_mask"].bool()
    assert torch.equal(batch["position_ids"][:, real], theirs[:, real])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("blind", [False, True])
def test_positions_given_are_those_a_model_makes_itself(architecture, blind):
    made = make(architecture)
    batch = batch_of(made, [encode(made, talk, [film(made)] * n, blind=blind) for talk, n in ((single(), 1), (dialogue(), 2))])
    with torch.no_grad():
        given = made.model(**batch)
        alone = made.model(**{name: values for name, values in batch.items() if name != "position_ids"})
        shifted = made.model(**batch | {"position_ids": batch["position_ids"] * 2})
    assert torch.equal(given.loss, alone.loss) and not torch.equal(given.loss, shifted.loss)


@pytest.mark.parametrize("architecture", ["qwen2_5_vl", "qwen2_vl", "qwen3_vl"])
@pytest.mark.parametrize("windows", [False, True])
def test_the_faster_encoder_is_the_slow_one(architecture, windows, monkeypatch):
    fast = make(architecture)
    monkeypatch.setattr(qwen_vl, "quicken", lambda model: None)
    slow = make(architecture)
    if windows and architecture == "qwen2_5_vl":
        for made in (fast, slow):
            made.model.model.visual.fullatt_block_indexes = []
            made.model.model.visual.window_size = 28
    calls = []
    plain = torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        torch.nn.functional, "scaled_dot_product_attention", lambda *a, **k: calls.append(a[0].shape) or plain(*a, **k)
    )
    ours, many = logits(fast), len(calls)
    theirs = logits(slow)
    assert torch.allclose(ours, theirs, atol=1e-5) and len(calls) - many > many


@pytest.mark.parametrize(
    ("architecture", "asked", "size"),
    [
        ("qwen2_5_vl", 448, (448, 448)),
        ("qwen2_5_vl", (500, 10), (504, 28)),
        ("qwen2_vl", 100, (112, 112)),
        ("llava-llama", 448, (56, 56)),
    ],
)
def test_a_size_is_fitted_to_what_the_model_takes(architecture, asked, size):
    made = make(architecture)
    assert family(made.family).fit_size(made.model.config, asked) == size


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_equal_seeds_give_equal_models_and_leave_the_random_state_alone(architecture):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    a, b, c = make(architecture, 1), make(architecture, 1), make(architecture, 2)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(logits(a), logits(b)) and not torch.equal(logits(a), logits(c))
    assert a.tokenizer.get_vocab() == b.tokenizer.get_vocab()


def test_the_tokenizer_has_learnt_the_reports_and_writes_any_text():
    tokenizer = train_tokenizer(["Tràn dịch màng phổi, tràn dịch màng phổi."] * 3, 500, qwen_vl.TINY)
    assert len(tokenizer("tràn dịch màng phổi")["input_ids"]) <= 8 < len("tràn dịch màng phổi".encode())
    for text in ("Bóng tim to.", "日本 ✓ 12,5 mm", "dòng\nmới"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert tokenizer("tra\u0300n")["input_ids"] == tokenizer("tr\u00e0n")["input_ids"]  # NFD and NFC


@pytest.mark.parametrize(
    ("name", "sizes", "word"),
    [
        ("qwen_vl", {"type": "qwen9"}, "qwen9"),
        ("qwen_vl", {"hiden": 64}, "hiden"),
        ("qwen_vl", {"hidden": 65}, "hidden"),
        ("qwen_vl", {"vocab": 100}, "vocab"),
        ("llava", {"decoder": "gpt2"}, "gpt2"),
        ("llava", {"hidden": 65}, "hidden"),
    ],
)
def test_sizes_that_do_not_fit_are_a_mistake_of_the_recipe(name, sizes, word):
    with pytest.raises(UsageError, match=word):
        load.create_tiny(name, TEXTS, 56, 0, sizes)


def test_clip_takes_square_films_only():
    with pytest.raises(UsageError, match="square"):
        load.create_tiny("llava", TEXTS, (56, 84), 0, {})
