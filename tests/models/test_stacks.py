"""Slice stacks: as pictures one after the other, and as videos where a family takes them."""

import numpy as np
import pytest
import torch
from tiny_models import REPORT, batch_of, dialogue, film, make

from docphim.imaging.frames import BLANK
from docphim.models import decode, mrope
from docphim.models.encode import Film, encode
from docphim.study import Message

QWEN = ["qwen2_5_vl", "qwen2_vl", "qwen3_vl"]


class Slices:
    """A stack as imaging hands it on."""

    def __init__(self, frames: np.ndarray, step_mm: float | None) -> None:
        self.frames, self.step_mm = frames, step_mm


def slices(loaded, count: int, step_mm: float | None = 30.0, seed: int = 0) -> Slices:
    frames = np.random.default_rng(seed).integers(0, 256, (count, *loaded.size, 3)).astype(np.uint8)
    return Slices(frames, step_mm)


def asked(tag: str, answer: str = REPORT) -> list[Message]:
    return [Message("user", f"<{tag}>\nMô tả."), Message("assistant", answer)]


@pytest.mark.parametrize("count", [1, 3])
def test_an_image_tag_over_a_stack_is_its_slices_one_after_the_other(loaded, count):
    stack = slices(loaded, count)
    one = encode(loaded, asked("image"), [stack])
    films = encode(loaded, [Message("user", "<image>\n" * count + "Mô tả."), asked("image")[1]], list(stack.frames))
    assert torch.equal(one.input_ids, films.input_ids) and torch.equal(one.labels, films.labels)
    assert one.media.keys() == films.media.keys() and all(torch.equal(one.media[n], films.media[n]) for n in one.media)


def test_a_family_without_videos_takes_the_slices_as_pictures():
    loaded = make("llava-llama")
    stack = slices(loaded, 3)
    image, video = (encode(loaded, asked(tag), [stack]) for tag in ("image", "video"))
    assert torch.equal(image.input_ids, video.input_ids) and torch.equal(
        image.media["pixel_values"], video.media["pixel_values"]
    )


@pytest.mark.parametrize("architecture", QWEN)
@pytest.mark.parametrize("count", [1, 4, 5])
def test_a_video_packs_two_slices_into_a_grid_and_the_odd_last_one_twice(architecture, count):
    loaded = make(architecture)
    stack = slices(loaded, count)
    batch = batch_of(loaded, [encode(loaded, asked("video"), [stack])])
    pairs = (count + 1) // 2
    rows = loaded.size[0] // loaded.processor.image_processor.patch_size
    assert batch["video_grid_thw"].tolist() == [[pairs, rows, rows]]
    assert int((batch["mm_token_type_ids"] == 2).sum()) == pairs * rows * rows // 4
    normal = loaded.processor.image_processor(list(stack.frames), return_tensors="pt", do_resize=False)["pixel_values"]
    # The official patches hold a still frame twice; of a video the second time is the next slice.
    first = normal.reshape(count, rows * rows, 3, 2, -1)[:, :, :, 0]
    first = torch.cat([first, first[-1:]])[: 2 * pairs].reshape(pairs, 2, rows * rows, 3, -1)
    expected = torch.stack([first[:, 0], first[:, 1]], 3).reshape(pairs * rows * rows, -1)
    assert torch.equal(batch["pixel_values_videos"], expected)


def test_patches_of_a_video_are_those_of_qwens_own_reshape():
    loaded = make("qwen2_5_vl")
    stack = slices(loaded, 4)
    ours = batch_of(loaded, [encode(loaded, asked("video"), [stack])])["pixel_values_videos"]
    processor, (h, w) = loaded.processor.image_processor, loaded.size
    scaled = (stack.frames.astype(np.float64) * processor.rescale_factor).astype(np.float32)
    floats = (scaled - np.float32(processor.image_mean)) / np.float32(processor.image_std)
    frames = floats.transpose(0, 3, 1, 2).reshape(2, 2, 3, h // 28, 2, 14, w // 28, 2, 14)
    assert np.array_equal(ours.numpy(), frames.transpose(0, 3, 6, 4, 7, 2, 1, 5, 8).reshape(-1, 1176))


@pytest.mark.parametrize("architecture", QWEN)
def test_a_model_reads_films_and_videos_in_one_batch_and_answers(architecture):
    loaded = make(architecture)
    both = [Message("user", "<image>\nvà <video>\nMô tả."), Message("assistant", REPORT)]
    rows = [
        encode(loaded, both, [film(loaded), slices(loaded, 3)]),
        encode(loaded, asked("video"), [slices(loaded, 4, seed=1)]),
        encode(loaded, dialogue(), [film(loaded), film(loaded, 1)]),
    ]
    together = decode.nats(loaded, batch_of(loaded, rows))
    alone = [decode.nats(loaded, batch_of(loaded, [row]))[0] for row in rows]
    assert [n for n, _ in together] == pytest.approx([n for n, _ in alone], rel=1e-5)
    other = encode(loaded, asked("video"), [slices(loaded, 4, seed=2)])
    assert decode.nats(loaded, batch_of(loaded, [other])) != alone[1:2]
    prompt = encode(loaded, asked("video")[:1], [slices(loaded, 5)], answer=False)
    assert decode.generate(loaded, batch_of(loaded, [prompt], "left"), max_new_tokens=3)


def config(kind: str, per_second: int = 2):
    """What of a published model's configuration positions depend on."""
    vision = type("Vision", (), {"spatial_merge_size": 2, "tokens_per_second": per_second})
    return type("Config", (), {"model_type": kind, "vision_config": vision})


#: Ten slices 30 mm apart at 448 px: five grids of 16 x 16 merged patches, 6 s (60 mm) apart, after 15 tokens of text.
@pytest.mark.parametrize(("per_second", "last"), [(2, 63), (4, 111)])
def test_text_after_a_long_video_goes_on_after_its_last_slice(per_second, last):
    kinds = torch.tensor([0] * 15 + [2] * 1280 + [0] * 3)
    media = {"video_grid_thw": torch.tensor([[5, 32, 32]]), "second_per_grid_ts": torch.tensor([6])}
    positions = mrope.positions(config("qwen2_5_vl", per_second), kinds, media)
    grids = positions[:, 15:-3].reshape(3, 5, 16, 16)
    assert grids[0, :, 0, 0].tolist() == [15 + 6 * per_second * n for n in range(5)] and grids[0].max() == last
    assert torch.equal(grids[1], (15 + torch.arange(16))[None, :, None].expand(5, 16, 16))
    assert torch.equal(grids[2], (15 + torch.arange(16))[None, None].expand(5, 16, 16))
    assert positions[:, -3:].tolist() == [[last + 1, last + 2, last + 3]] * 3


#: Slices, their distance, tokens a second; where each pair of them begins, and where the text goes on: 10 mm are a second.
@pytest.mark.parametrize(
    ("count", "step_mm", "per_second", "starts", "resumes"),
    [
        (10, 30.0, 2, [0, 12, 24, 36, 48], 49),
        (10, 30.0, 4, [0, 24, 48, 72, 96], 97),
        (5, 30.0, 2, [0, 12, 24], 25),
        (5, 30.0, 4, [0, 24, 48], 49),
        (4, 5.0, 2, [0, 2], 3),
        (1, None, 2, [0], 2),  # its rows and columns go to 1
        (1, None, 4, [0], 2),
    ],
)
def test_slices_lie_as_far_apart_in_position_as_in_the_body(count, step_mm, per_second, starts, resumes):
    loaded = make("qwen2_5_vl")
    loaded.model.config.vision_config.tokens_per_second = per_second
    encoded = encode(loaded, asked("video"), [slices(loaded, count, step_mm)])
    shown = torch.nonzero(encoded.per_token["mm_token_type_ids"] == 2).flatten()
    first, after = int(shown[0]), int(shown[-1]) + 1
    places = encoded.per_token["position_ids"] - first
    assert places[0, first:after].reshape(-1, 4).tolist() == [[start] * 4 for start in starts]
    assert places[1, first:after].tolist() == [0, 0, 1, 1] * len(starts)
    assert places[2, first:after].tolist() == [0, 1, 0, 1] * len(starts)
    assert places[:, after:].tolist() == [list(range(resumes, resumes + encoded.length - after))] * 3


@pytest.mark.parametrize("architecture", QWEN)
def test_an_answer_is_drafted_at_the_positions_that_it_is_trained_at(architecture):
    loaded = make(architecture)
    stack = slices(loaded, 5)
    trained = batch_of(loaded, [encode(loaded, asked("video"), [stack])])["position_ids"]
    prompt = batch_of(loaded, [encode(loaded, asked("video")[:1], [stack], answer=False)], "left")
    forward, drafted = loaded.model.forward, []
    loaded.model.forward = lambda **inputs: (drafted.append(inputs["position_ids"]), forward(**inputs))[1]
    decode.generate(loaded, prompt, max_new_tokens=6)
    places = torch.cat(drafted, -1)
    assert places.shape[-1] > prompt["input_ids"].shape[1]
    assert torch.equal(places, trained[..., : places.shape[-1]])


@pytest.mark.parametrize("per_second", [2, 4])
@pytest.mark.parametrize("seconds", [1, 6])
def test_positions_in_a_video_are_those_of_transformers(per_second, seconds):
    loaded = make("qwen2_5_vl")
    loaded.model.config.vision_config.tokens_per_second = per_second
    encoded = encode(loaded, asked("video"), [slices(loaded, 5)])
    encoded.media["second_per_grid_ts"][:] = seconds
    ours = mrope.positions(loaded.config, encoded.per_token["mm_token_type_ids"], encoded.media)
    theirs, _ = loaded.model.model.get_rope_index(
        encoded.input_ids[None],
        mm_token_type_ids=encoded.per_token["mm_token_type_ids"][None],
        video_grid_thw=encoded.media["video_grid_thw"],
        second_per_grid_ts=encoded.media["second_per_grid_ts"],
    )
    stop = int(torch.nonzero(encoded.per_token["mm_token_type_ids"])[-1]) + 1
    assert torch.equal(ours[:, :stop], theirs[:, 0, :stop])
    assert int(ours[:, stop].max()) == int(ours[:, :stop].max()) + 1


@pytest.mark.parametrize("architecture", ["qwen2_vl", "qwen3_vl"])
def test_a_video_without_seconds_counts_grids_or_writes_their_time(architecture):
    loaded = make(architecture)
    encoded = encode(loaded, asked("video"), [slices(loaded, 5)])
    assert "second_per_grid_ts" not in encoded.media
    theirs, _ = loaded.model.model.get_rope_index(
        encoded.input_ids[None],
        mm_token_type_ids=encoded.per_token["mm_token_type_ids"][None],
        video_grid_thw=encoded.media["video_grid_thw"],
    )
    stop = int(torch.nonzero(encoded.per_token["mm_token_type_ids"])[-1]) + 1
    assert torch.equal(encoded.per_token["position_ids"][:, :stop], theirs[:, 0, :stop])
    text = loaded.tokenizer.decode(encoded.input_ids)
    # Slices lie at 0, 3, 6, 9 and 12 s; a grid's time is the middle of its two.
    assert [f"<{time} seconds>" in text for time in (1.5, 7.5, 12.0)] == [architecture == "qwen3_vl"] * 3


@pytest.mark.parametrize(("step_mm", "seconds"), [(None, 1), (1.0, 1), (7.0, 1), (8.0, 2), (30.0, 6)])
def test_a_grid_lasts_whole_seconds_one_for_a_centimetre_and_never_none(step_mm, seconds):
    loaded = make("qwen2_5_vl")
    encoded = encode(loaded, asked("video"), [slices(loaded, 4, step_mm)])
    assert encoded.media["second_per_grid_ts"].tolist() == [seconds]
    assert encoded.media["second_per_grid_ts"].dtype == torch.int64


def test_frames_are_kept_in_eight_bits_until_they_are_a_batch(loaded):
    encoded = encode(loaded, asked("image"), [slices(loaded, 3)])
    assert encoded.media["pixel_values"].dtype == torch.uint8
    assert encoded.media["pixel_values"].nbytes == 3 * 3 * loaded.size[0] * loaded.size[1] <= encoded.nbytes
    assert batch_of(loaded, [encoded])["pixel_values"].dtype == torch.float32


@pytest.mark.parametrize("flags", [{}, {"do_normalize": False}, {"do_rescale": False, "do_normalize": False}])
def test_every_shade_becomes_the_official_float_whatever_the_checkpoint_says_of_its_preprocessing(loaded, flags):
    processor = loaded.processor.image_processor
    shades = np.resize(np.arange(256, dtype=np.uint8), (*loaded.size, 3)).copy()
    shades[..., 1] = shades[::-1, :, 1]
    before = {name: getattr(processor, name) for name in flags}
    try:
        for name, value in flags.items():
            setattr(processor, name, value)
        batch = batch_of(loaded, [encode(loaded, asked("image"), [shades])])
        theirs = processor([shades], return_tensors="pt")["pixel_values"]
        whole = theirs[:, :1] if loaded.family == "llava_onevision" else theirs  # tiles come after the whole film
        assert torch.equal(batch["pixel_values"], whole.float())
    finally:
        for name, value in before.items():
            setattr(processor, name, value)


@pytest.mark.parametrize("frames", [np.zeros((0, 56, 56, 3), np.uint8), np.zeros((2, 56, 28, 3), np.uint8)])
def test_a_stack_of_no_slices_or_of_another_size_is_an_error(frames):
    with pytest.raises(ValueError, match="an image is"):
        encode(make("qwen2_5_vl"), asked("video"), [Slices(frames, None)])


def test_a_film_is_a_stack_of_one():
    loaded = make("qwen2_5_vl")
    grey = np.full((*loaded.size, 3), BLANK, np.uint8)
    as_array, as_stack = (encode(loaded, asked("image"), [one]) for one in (grey, Film(grey[None])))
    assert torch.equal(as_array.media["pixel_values"], as_stack.media["pixel_values"])
