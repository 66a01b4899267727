"""MiniCPM-V 4.6: numbers of pictures, patches side by side, layers that keep a state under padding, paths made faster."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_stacks import asked, slices
from tiny_models import TEXTS, batch_of, dialogue, film, make, single

from docphim.errors import Refused, UsageError
from docphim.models import decode, load, minicpmv
from docphim.models.encode import encode
from docphim.models.frame_tokens import frames_within
from docphim.study import Message

SMALL = {"vocab": 400, "hidden": 64, "layers": 2, "heads": 4, "vision_hidden": 32, "vision_layers": 2}


@pytest.fixture(scope="module")
def minicpm():
    return make("minicpmv")


def several() -> list[Message]:
    """Two stacks as videos, a stack of two and a film as pictures, over two turns."""
    first = Message("user", "<image>\nvà <video>\nMô tả.")
    return [
        first,
        Message("assistant", "Tim to."),
        Message("user", "<video>\n<image>\nCòn gì?"),
        Message("assistant", "Không."),
    ]


def test_pictures_and_videos_are_numbered_apart_from_nought_in_each_conversation(minicpm):
    loaded, patch = minicpm, "<|image_pad|>" * 4
    shown = [slices(loaded, 2), slices(loaded, 3, seed=1), slices(loaded, 1, seed=2), film(loaded)]
    for _ in range(2):
        text = loaded.tokenizer.decode(encode(loaded, several(), shown).input_ids)
        pictures = [f"<image_id>{n}</image_id><image>{patch}</image>\n" for n in range(3)]
        frame = f"<image>{patch.replace('image', 'video')}</image>"
        assert f"user\n{pictures[0]}{pictures[1]}và\n<image_id>0</image_id>{frame * 3}\nMô tả." in text
        assert f"user\n<image_id>1</image_id>{frame}\n{pictures[2]}Còn gì?" in text


def test_a_checkpoint_without_numbers_has_none():
    loaded = make("minicpmv")
    loaded.processor.default_use_image_id = False
    text = loaded.tokenizer.decode(encode(loaded, dialogue(), [film(loaded)] * 2).input_ids)
    assert "<image_id>" not in text and text.count("<image>") == 2


@pytest.mark.parametrize("size", [(112, 112), (56, 168)])
def test_patches_of_a_batch_lie_side_by_side_as_the_official_processors(size):
    loaded = load.create_tiny("minicpmv", TEXTS, size, 0, SMALL)
    assert loaded.size == size
    stacks = [slices(loaded, 3), slices(loaded, 2, seed=1)]
    batch = batch_of(loaded, [encode(loaded, asked("video"), [stack]) for stack in stacks])
    frames = [frame for stack in stacks for frame in stack.frames]
    theirs = loaded.processor.image_processor(frames, return_tensors="pt", do_resize=False)
    assert torch.equal(batch["pixel_values_videos"], theirs["pixel_values"])
    assert torch.equal(batch["target_sizes_videos"], theirs["target_sizes"])


def test_at_a_quarter_of_the_merging_ids_pixels_and_logits_are_the_official_processors(minicpm):
    plain = load.create_tiny("minicpmv", TEXTS, 112, 0, SMALL)
    plain.config.downsample_mode = plain.model.config.downsample_mode = "4x"
    processor = minicpmv.make_processor(plain.tokenizer, plain.config)
    assert minicpmv.fit_size(plain.config, 100) == (112, 112) and minicpmv.fit_size(plain.config, 29) == (28, 28)
    loaded = load.Loaded(plain.model, processor, plain.tokenizer, "minicpmv", (84, 112), "4x", plain.config)
    image = film(loaded)
    ours = batch_of(loaded, [encode(loaded, single(), [image])])
    text = loaded.tokenizer.decode(encode(minicpm, single(), [film(minicpm)]).input_ids)
    marked = text.replace(f"<image_id>0</image_id><image>{'<|image_pad|>' * 4}</image>", "<|image_pad|>")
    theirs = processor(text=[marked], images=[image], return_tensors="pt")
    assert int((ours["input_ids"] == processor.image_token_id).sum()) == 12
    assert all(torch.equal(ours[name], theirs[name]) for name in ("input_ids", "pixel_values", "target_sizes"))
    ours.pop("labels")
    with torch.no_grad():
        assert torch.allclose(loaded.model(**ours).logits, loaded.model(**theirs).logits, atol=1e-6)


def test_frames_of_any_size_pass_an_exported_processor_as_they_are():
    for rows, columns in itertools.product((1, 2, 5, 9, 17), repeat=2):
        size = (56 * rows, 56 * columns)
        processor = minicpmv.MiniCPMV4_6ImageProcessorPil(**minicpmv.served_size(size))
        frame = np.random.default_rng(rows).integers(0, 256, (*size, 3)).astype(np.uint8)
        made = processor([frame], return_tensors="pt")
        assert made["target_sizes"].tolist() == [[4 * rows, 4 * columns]]
        whole = processor([frame], return_tensors="pt", do_resize=False)
        assert torch.equal(made["pixel_values"], whole["pixel_values"])
        grid = processor.get_sliced_grid(size, processor.max_slice_nums, processor.scale_resolution)
        assert grid is None, "who asks this alone, as vLLM does, cuts nothing either"


@pytest.mark.parametrize("pad", ["left", "right"])
def test_padding_longer_than_a_chunk_of_the_state_changes_no_logits(minicpm, pad):
    loaded = minicpm
    long = [Message("user", "<image>\n" + "Cho biết bệnh nhân bị gì? " * 30), Message("assistant", "Tim to.")]
    rows = [encode(loaded, talk, [film(loaded, n)]) for n, talk in enumerate((single(), long, asked("image")))]
    lengths = [row.length for row in rows]
    assert max(lengths) - min(lengths) > 3 * 64
    with torch.no_grad():
        together = loaded.model(**batch_of(loaded, rows, pad)).logits
        for number, row in enumerate(rows):
            alone = loaded.model(**batch_of(loaded, [row])).logits[0]
            real = slice(-row.length, None) if pad == "left" else slice(row.length)
            assert torch.allclose(together[number, real], alone, atol=1e-5)


def test_rows_that_leave_a_batch_take_their_states_with_them(minicpm):
    loaded = make("minicpmv")
    with torch.no_grad():
        for name, parameter in loaded.model.named_parameters():
            if "embed" not in name and parameter.dim() > 1:
                parameter.mul_(6)
    prompts = [encode(loaded, single(None), [film(loaded, n)], answer=False) for n in range(3)]
    prompts.append(encode(loaded, asked("video")[:1], [slices(loaded, 3)], answer=False))
    free = decode.generate(loaded, batch_of(loaded, prompts, "left"), max_new_tokens=16)
    ids = [loaded.tokenizer(text)["input_ids"] for text, _ in free]
    early = [next(t for t in row[2:] if t not in ids[3]) for row in ids[:3]]
    loaded.model.generation_config.eos_token_id = early
    forward, sizes = loaded.model.forward, []
    loaded.model.forward = lambda **inputs: (sizes.append(len(inputs["input_ids"])), forward(**inputs))[1]
    ended = decode.generate(loaded, batch_of(loaded, prompts, "left"), max_new_tokens=16)
    assert sizes[0] == 4 and sizes[-1] == 1 and ended[3] == free[3]
    assert [finish for _, finish in ended] == ["stop"] * 3 + ["length"]


def test_the_faster_paths_give_the_same(minicpm, monkeypatch):
    monkeypatch.setattr(minicpmv, "quicken", lambda model: None)
    slow, fast = make("minicpmv"), minicpm
    rows = [encode(fast, dialogue(), [film(fast), film(fast, 1)]), encode(fast, asked("video"), [slices(fast, 3)])]
    batch = batch_of(fast, rows)
    calls, plain = [], torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        torch.nn.functional, "scaled_dot_product_attention", lambda *a, **k: calls.append(a[0].shape) or plain(*a, **k)
    )
    columns = torch.tensor([3, 20, 21])
    with torch.no_grad():
        ours, many = fast.model(**batch), len(calls)
        theirs = slow.model(**batch)
        batch.pop("labels")
        some = [fast.model(**batch, logits_to_keep=kept).logits for kept in (columns, 2)]
    assert torch.allclose(ours.logits, theirs.logits, atol=1e-5) and torch.allclose(ours.loss, theirs.loss, atol=1e-6)
    assert len(calls) > 10 * many
    assert torch.equal(some[0], ours.logits[:, columns]) and torch.equal(some[1], ours.logits[:, -2:])


def test_what_merges_patches_otherwise_is_refused(minicpm):
    vision = minicpm.config.vision_config
    for changes in ({"merger_times": 2}, {"merge_kernel_size": (4, 4)}, {"downsample_mode": "8x"}):
        same = {"merger_times": 1, "merge_kernel_size": [2, 2], "downsample_mode": "16x", "vision_config": vision}
        with pytest.raises(Refused, match=r"weights_layout.*patches are merged"):
            minicpmv.make_processor(minicpm.tokenizer, SimpleNamespace(**same | changes))


def test_a_vocabulary_without_the_signs_of_pictures_is_refused(minicpm):
    with pytest.raises(Refused, match=r"weights_layout.*<image>"):
        minicpmv.make_processor(make("qwen2_5_vl").tokenizer, minicpm.config)


def test_small_models_of_any_widths_that_fit(minicpm):
    assert minicpm.config.text_config.layer_types == ["linear_attention", "full_attention"]
    deep = load.create_tiny("minicpmv", TEXTS, 56, 0, {**SMALL, "layers": 6, "hidden": 24, "vision_layers": 9})
    attends = [n for n, kind in enumerate(deep.config.text_config.layer_types, 1) if kind == "full_attention"]
    assert attends == [4, 6] and deep.config.vision_config.insert_layer_id == 2
    assert np.isfinite(decode.nats(deep, batch_of(deep, [encode(deep, single(), [film(deep)])]))[0][0])
    with pytest.raises(UsageError, match=r"model\.tiny"):
        load.create_tiny("minicpmv", TEXTS, 56, 0, {**SMALL, "hidden": 65})


def test_a_budget_of_tokens_holds_what_is_written(minicpm):
    batch = batch_of(minicpm, [encode(minicpm, asked("image"), [slices(minicpm, 20)])])
    without = batch_of(minicpm, [encode(minicpm, asked("image"), [], blind=True)])
    taken = batch["input_ids"].shape[1] - without["input_ids"].shape[1]
    assert frames_within(taken, "minicpmv", minicpm.size, False, "tokens") <= 20
    assert frames_within(20 * 12, "minicpmv", minicpm.size, False, "tokens") == 20 and taken <= 20 * 12
