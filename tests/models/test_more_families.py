"""Families of an encoder and a decoder: what stands around pictures, videos of any length, the way to disk and back."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_chat import learnt
from test_load import LORA, train_one_step
from test_stacks import asked, slices
from tiny_models import REPORT, batch_of, dialogue, film, make, single
from transformers import CLIPVisionConfig

from docphim.errors import Refused, UsageError
from docphim.models import decode, family, load
from docphim.models.encode import IGNORED, Film, encode, show

#: architecture → the end of an answer, and what the processor writes for a picture of 56 px.
SHAPES = {
    "internvl-qwen2": ("<|im_end|>", "<img>" + "<IMG_CONTEXT>" * 4 + "</img>"),
    "internvl-qwen3": ("<|im_end|>", "<img>" + "<IMG_CONTEXT>" * 4 + "</img>"),
    "gemma3": ("<end_of_turn>", "\n\n<start_of_image>" + "<image_soft_token>" * 4 + "<end_of_image>\n\n"),
    "llava_onevision": ("<|im_end|>", "<image>" * 17),  # 16 patches and a newline
    "minicpmv": ("<|im_end|>", "<image>" + "<|image_pad|>" * 4 + "</image>"),
}
#: The same of a video of three frames.
VIDEOS = {
    "internvl": "\n".join(f"Frame{n}: <img>{'<IMG_CONTEXT>' * 4}</img>" for n in (1, 2, 3)),
    "gemma3": SHAPES["gemma3"][1] * 3,
    "llava_onevision": "<video>" * (3 * 4 + 1),
    "minicpmv": "<image_id>0</image_id>" + f"<image>{'<|video_pad|>' * 4}</image>" * 3,
}


@pytest.fixture(params=SHAPES)
def architecture(request):
    return request.param


def test_the_marks_around_a_picture_are_there_whole_and_no_label_lies_on_them(architecture):
    loaded = make(architecture)
    end, written = SHAPES[architecture]
    encoded = encode(loaded, dialogue(), [film(loaded)] * 2)
    assert learnt(loaded, encoded) == f"{REPORT}{end}Tim to.{end}"
    assert loaded.tokenizer.decode(encoded.input_ids).count(written) == 2
    around = torch.isin(encoded.input_ids, torch.tensor(loaded.tokenizer(written, add_special_tokens=False)["input_ids"]))
    assert around.sum() >= 12 and (encoded.labels[around & (encoded.input_ids != encoded.labels)] == IGNORED).all()
    assert show(loaded, encoded).count(r"\[image x 17]" if architecture == "llava_onevision" else r"\[image x 4]") == 2


def test_a_report_with_line_breaks_keeps_them(architecture):
    loaded, words = make(architecture), "Tim không to.\n\nPhổi sáng."
    assert learnt(loaded, encode(loaded, single(words), [film(loaded)])) == words + SHAPES[architecture][0]


def test_a_stack_is_a_video_in_the_familys_own_way_or_pictures(architecture):
    loaded = make(architecture)
    encoded = encode(loaded, asked("video"), [slices(loaded, 3)])
    assert VIDEOS[loaded.family] in loaded.tokenizer.decode(encoded.input_ids)
    changed = slices(loaded, 3)
    changed.frames[1] = 255 - changed.frames[1]
    before, after = (
        decode.nats(loaded, batch_of(loaded, [encode(loaded, asked("video"), [s])])) for s in (slices(loaded, 3), changed)
    )
    assert before != after, "the frame in the middle counts"


def rows_of(loaded):
    """A film, two turns, a video of three slices, one of two with a film before it, and no film at all."""
    both = [*single()[:1], *asked("image")[:1], asked("image")[1], asked("video")[0], asked("video")[1]]
    return [
        encode(loaded, single(), [film(loaded)]),
        encode(loaded, dialogue(), [film(loaded), film(loaded, 1)]),
        encode(loaded, asked("video"), [slices(loaded, 3)]),
        encode(loaded, both, [film(loaded, 2), slices(loaded, 2, seed=1)]),
        encode(loaded, single(), [], blind=True),
    ]


def test_a_row_has_the_same_likelihood_alone_and_among_films_videos_and_none(architecture):
    loaded = make(architecture)
    rows = rows_of(loaded)
    together, alone = decode.nats(loaded, batch_of(loaded, rows)), [decode.nats(loaded, batch_of(loaded, [r]))[0] for r in rows]
    assert [n for n, _ in together] == pytest.approx([n for n, _ in alone], rel=1e-5)
    assert len({round(n, 3) for n, _ in alone}) == len(rows)


def test_they_learn_answer_and_come_back_from_disk(architecture, tmp_path):
    tuned = load.tune(make(architecture), "lora", ["vision"], LORA)
    train_one_step(tuned)
    load.save(tuned, tmp_path / "model")
    again = load.load_saved(tmp_path / "model")
    prompts = [
        encode(again, single(None), [film(again)], answer=False),
        encode(again, asked("video")[:1], [slices(again, 3)], answer=False),
        encode(again, dialogue()[:4], [film(again)] * 2, answer=False),
    ]
    answers = decode.generate(again, batch_of(again, prompts, "left"), max_new_tokens=40)
    assert answers == decode.generate(tuned, batch_of(tuned, prompts, "left"), max_new_tokens=40)
    alone = [decode.generate(again, batch_of(again, [one], "left"), max_new_tokens=40)[0] for one in prompts]
    assert alone == answers
    assert again.tokenizer.convert_tokens_to_ids(SHAPES[architecture][0]) in decode.end_tokens(again)


def test_gemmas_sliding_window_is_passed_by_long_answers(monkeypatch):
    loaded = make("gemma3", window=16)
    prompts = [encode(loaded, single(None), [film(loaded, n)], answer=False) for n in range(3)]
    together = decode.generate(loaded, batch_of(loaded, prompts, "left"), max_new_tokens=40)
    assert together == [decode.generate(loaded, batch_of(loaded, [p], "left"), max_new_tokens=40)[0] for p in prompts]


def test_a_picture_of_gemma_sees_all_of_itself():
    loaded = make("gemma3")
    encoded = encode(loaded, single(), [film(loaded)])
    marks = encoded.per_token["token_type_ids"]
    assert marks.sum() == 4 and (encoded.input_ids[marks == 1] == loaded.config.image_token_index).all()
    batch = batch_of(loaded, [encoded])
    with torch.no_grad():
        both = loaded.model(**batch).logits
        causal = loaded.model(**batch | {"token_type_ids": torch.zeros_like(batch["token_type_ids"])}).logits
    place = int(torch.nonzero(marks)[0])
    assert torch.allclose(both[0, : place - 1], causal[0, : place - 1], atol=1e-5)
    assert not torch.allclose(both[0, place], causal[0, place], atol=1e-5)


def test_videos_of_one_length_are_as_transformers_own_callers_give_them():
    loaded = make("llava_onevision")
    stacks = [slices(loaded, 3, seed=n) for n in range(2)]
    batch = batch_of(loaded, [encode(loaded, asked("video"), [stack]) for stack in stacks])
    official = {k: v for k, v in batch.items() if k != "video_frames"}
    official["pixel_values_videos"] = batch["pixel_values_videos"].unflatten(0, (2, 3))
    with torch.no_grad():
        assert torch.allclose(loaded.model(**batch).logits, loaded.model(**official).logits, atol=1e-6)


@pytest.mark.parametrize("name", ["internvl", "gemma3", "llava_onevision"])
def test_an_encoder_of_one_size_takes_square_films_of_that_size(name):
    made = make(next(one for one in SHAPES if one.startswith(name)))
    assert family(name).fit_size(made.config, 448) == family(name).fit_size(made.config, (40, 80)) == (56, 56)
    with pytest.raises(UsageError, match="square"):
        load.create_tiny(name, ["Tim to."], (56, 84), 0, {})
    for sizes in ({"hidden": 65}, {"hiden": 64}, {"decoder": "gpt2"}):
        with pytest.raises(UsageError, match=r"model\.tiny"):
            load.create_tiny(name, ["Tim to."], 56, 0, sizes)


@pytest.mark.parametrize("name", ["gemma3", "llava_onevision"])
def test_another_encoder_is_refused(name):
    made = make(name)
    other = SimpleNamespace(vision_config=CLIPVisionConfig(image_size=56, patch_size=14))
    with pytest.raises(Refused, match=r"weights_layout.*clip"):
        family(name).make_processor(made.tokenizer, other)


def test_an_internvl_whose_tokens_are_not_those_of_its_films_is_refused():
    made = make("internvl-qwen2")
    made.config.image_seq_length = 256
    with pytest.raises(Refused, match=r"weights_layout.*256 tokens"):
        family("internvl").make_processor(made.tokenizer, made.config)


def test_a_vocabulary_without_the_signs_of_pictures_is_refused():
    made, other = make("internvl-qwen2"), make("qwen2_5_vl")
    with pytest.raises(Refused, match=r"weights_layout.*<img>"):
        family("internvl").make_processor(other.tokenizer, made.config)


def test_a_film_given_as_an_array_is_a_stack_of_one(architecture):
    loaded = make(architecture)
    grey = np.full((*loaded.size, 3), 9, np.uint8)
    one, other = (encode(loaded, asked("image"), [shown]) for shown in (grey, Film(grey[None])))
    assert torch.equal(one.input_ids, other.input_ids) and torch.equal(one.media["pixel_values"], other.media["pixel_values"])
