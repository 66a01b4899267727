"""What is shown of a volume, as a recipe says it: slices, windows, slabs, and how many slices a budget of tokens holds."""

from __future__ import annotations

from typing import Any

import pytest

from docphim import preflight, way
from docphim.errors import UsageError
from docphim.imaging.show import Show, shown
from docphim.models.frame_tokens import frames_within, least_tokens
from docphim.recipe import Recipe, validated

ROW = {"study": "s", "modality": "ct", "path": "prepared/v.b2nd"}


@pytest.mark.parametrize(
    ("values", "kind", "frames", "windows"),
    [
        ({}, "video", {"count": 10}, [[-1000, 400]]),
        ({"count": 4, "kind": "image"}, "image", {"count": 4}, [[-1000, 400]]),
        ({"step_mm": 30, "windows": "lung"}, "video", {"step_mm": 30.0}, [[-1350, 150]]),
        ({"windows": ["lung", "soft", "bone"]}, "video", {"count": 10}, [[-1350, 150], [-160, 240], [-500, 1300]]),
        ({"windows": [[-200, 300]]}, "video", {"count": 10}, [[-200, 300]]),
        ({"slab_mm": 10}, "video", {"count": 10, "slab_mm": 10.0, "slab": "mean"}, [[-1000, 400]]),
        (
            {"step_mm": 30, "slab_mm": 5, "slab": "max"},
            "video",
            {"step_mm": 30.0, "slab_mm": 5.0, "slab": "max"},
            [[-1000, 400]],
        ),
    ],
)
def test_what_a_recipe_shows_is_what_a_media_entry_says(
    values: dict[str, Any], kind: str, frames: dict[str, Any], windows: list[list[float]]
) -> None:
    show = validated(Show, values, "prepare.ct.show")
    media = shown(show, ROW)
    assert (media.study, media.kind, media.volumes, media.plane) == ("s", kind, {"ct": "prepared/v.b2nd"}, "axial")
    assert media.frames == frames
    assert media.channels == [["ct", *window] for window in windows]
    assert shown(Show.model_validate(show.model_dump(mode="json")), ROW) == media  # as resolved recipes have it


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"count": 4, "tokens": 900}, "count and tokens: one of them"),
        ({"count": 0}, "greater than or equal to 1"),
        ({"step_mm": -1}, "greater than 0"),
        ({"windows": ["lungs"]}, "'lungs' is not one of lung, soft, bone"),
        ({"windows": []}, "at least 1"),
        ({"windows": ["lung"] * 4}, "at most 3"),
        ({"windows": [[240, -160]]}, "the lower one first"),
        ({"windows": [[0, float("nan")]]}, "the lower one first"),
        ({"slab_mm": 0}, "greater than 0"),
        ({"slab": "min"}, "'mean' or 'max'"),
        ({"kind": "film"}, "'video' or 'image'"),
        ({"slices": [1]}, "unknown key"),
    ],
)
def test_a_wrong_key_is_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=r"^prepare\.ct\.show") as error:
        validated(Show, values, "prepare.ct.show")
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("tokens", "family", "size", "video", "count"),
    [
        (1400, "qwen_vl", 448, True, 10),  # 16 x 16 squares and 12 tokens of a time: 268 a pair
        (1339, "qwen_vl", 448, True, 8),
        (1400, "qwen_vl", 448, False, 5),
        (268, "qwen_vl", (448, 448), True, 2),
        (2048, "llava", 336, True, 3),  # 24 x 24 each; there are no videos
        (2660, "internvl", 448, True, 10),
        (2620, "gemma3", 896, False, 10),
        (1970, "llava_onevision", 384, True, 10),  # pooled; 730 a picture
        (1970, "llava_onevision", 384, False, 2),
        (720, "minicpmv", 448, True, 10),
    ],
)
def test_a_budget_of_tokens_holds_so_many_slices(tokens: int, family: str, size: Any, video: bool, count: int) -> None:
    assert frames_within(tokens, family, size, video, "tokens") == count


@pytest.mark.parametrize(("tokens", "family", "words"), [(267, "qwen_vl", "takes 268"), (9000, "none", "count or step_mm")])
def test_a_budget_that_holds_nothing_or_of_an_unknown_model_is_refused(tokens: int, family: str, words: str) -> None:
    with pytest.raises(UsageError, match=rf"^show\.tokens: .*{words}"):
        frames_within(tokens, family, 448, True, "show.tokens")


def test_the_fewest_tokens_are_those_of_the_largest_squares() -> None:
    assert least_tokens(10, "qwen_vl", 448, True) == 5 * 14 * 14
    assert least_tokens(10, "qwen_vl", 448, False) == 10 * 14 * 14
    assert least_tokens(10, "llava", 448, True) == 0


MODEL = {"family": "qwen_vl", "weights": "tiny", "image_size": 448}
RECIPE: dict[str, Any] = {"name": "a", "source": {"kind": "phantom"}, "model": MODEL}


def recipe_of(show: dict[str, Any], **changes: Any) -> Recipe:
    return validated(Recipe, {**RECIPE, "prepare": {"ct": {"show": show}}, **changes}, "")


@pytest.mark.parametrize(
    ("show", "count"), [({"tokens": 1400}, 10), ({"tokens": 1400, "kind": "image"}, 5), ({}, 10), ({"count": 3}, 3)]
)
def test_tokens_have_become_a_count_before_anything_is_made(show: dict[str, Any], count: int) -> None:
    (section,) = way.pixels(recipe_of(show)).values()
    assert (section["show"]["count"], section["show"]["tokens"]) == (count, None)
    assert way.resolved(recipe_of(show)).prepare.sections["ct"]["show"]["count"] == count


@pytest.mark.parametrize(
    ("show", "count"),
    [({"tokens": 1400}, 8), ({"tokens": 1400, "mips": False}, 10), ({"tokens": 1400, "kind": "image"}, 3), ({"count": 9}, 9)],
)
def test_the_projections_of_a_pet_take_their_part_of_a_budget(show: dict[str, Any], count: int) -> None:
    recipe = validated(Recipe, {**RECIPE, "prepare": {"pet": {"show": show}}}, "")
    assert way.pixels(recipe)["pet"]["show"]["count"] == count


def test_a_budget_that_holds_the_projections_alone_shows_no_pet() -> None:
    with pytest.raises(UsageError, match=r"prepare\.pet\.show\.tokens: 300 hold the projections and no slice"):
        way.pixels(validated(Recipe, {**RECIPE, "prepare": {"pet": {"show": {"tokens": 300}}}}, ""))
    preflight.check_shown(validated(Recipe, {**RECIPE, "prepare": {"pet": {"show": {"count": 38}}}}, ""))
    with pytest.raises(UsageError, match=r"prepare\.pet\.show: 40 slices take at least 4116 tokens"):
        preflight.check_shown(validated(Recipe, {**RECIPE, "prepare": {"pet": {"show": {"count": 40}}}}, ""))


FILE = {"generate": {"backend": "openai", "endpoint": "http://127.0.0.1:9/v1", "model": "m"}, "model": {"family": "none"}}


@pytest.mark.parametrize(
    ("show", "changes", "words"),
    [
        ({"tokens": 200}, {}, "prepare.ct.show.tokens: 200 hold no slice: at model.image_size one takes 268"),
        (
            {"tokens": 2000},
            FILE,
            "prepare.ct.show.tokens: how many a slice takes is known of qwen_vl, llava, internvl,",
        ),
        ({"count": 50}, {}, "prepare.ct.show: 50 slices take at least 4900 tokens"),
        ({"count": 25, "kind": "image"}, {}, "and train.max_length is 4096"),
    ],
)
def test_what_no_model_could_be_shown_is_said_before_anything_is_prepared(
    show: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError) as error:
        preflight.check_shown(recipe_of(show, **changes))
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("show", "changes"), [({"count": 40}, {}), ({"count": 50}, {"train": {"blind": True}}), ({"count": 50}, FILE)]
)
def test_what_may_fit_is_left_to_the_tokens_themselves(show: dict[str, Any], changes: dict[str, Any]) -> None:
    preflight.check_shown(recipe_of(show, **changes))
