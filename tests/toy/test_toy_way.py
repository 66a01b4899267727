"""A modality is one file and one line: a volume that only tests know goes from its source to the page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy_source
import yaml

from docphim import imaging, ingest, recipe, run
from docphim.build import build
from docphim.errors import UsageError
from docphim.files import read_examples, read_json, read_jsonl
from docphim.imaging import store
from docphim.imaging.frames import draw
from docphim.prepare import prepare

SETTINGS = {"toy": {"slices": 4}}


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line in each dict."""
    monkeypatch.setitem(imaging.MODALITIES, "toy", "toy_volume")
    monkeypatch.setitem(ingest.SOURCES, "toys", "toy_source")


def recipe_of(folder: Path, **changes: Any) -> recipe.Recipe:
    values: dict[str, Any] = {
        "name": "toy",
        "source": {"kind": "toys", "path": str(folder / "source")},
        "split": {"fractions": [0.6, 0.2, 0.2]},
        "prepare": {"workers": 1, "toy": {"slices": 4}},
        "prompts": "docphim",
        "model": {"family": "qwen_vl", "weights": "tiny", "tune": "full", "freeze": [], "image_size": 56},
        "train": {"max_steps": 2, "batch_size": 2, "evaluations": 1, "workers": 0},
        "generate": {"max_new_tokens": 4, "batch_size": 4},
        "evaluate": {"resamples": 100},
        "data": str(folder / "data"),
        "runs": str(folder / "runs"),
    }
    return recipe.validated(recipe.Recipe, {**values, **changes}, "")


def test_a_modality_of_one_file_and_one_line_goes_from_source_to_page(tmp_path: Path) -> None:
    toy_source.write(tmp_path / "source", 14)
    dataset, home = run.run(recipe_of(tmp_path))
    index = list(read_jsonl(dataset / "prepared" / "index.jsonl"))
    assert [(row["modality"], row["unit"], row["shape"]) for row in index] == [("toy", "HU", [9, 72, 64])] * 14
    assert [row["affine"] for row in index] == [np.diag([1.0, 1.0, 5.0, 1.0]).tolist()] * 14
    assert np.load(dataset / "prepared" / "thumbs-toy.npy").shape == (14, 3, 18, 16)
    example = read_examples(dataset, "test")[0]
    assert example.messages[1].content.startswith("<video>")
    assert [(m.study, m.kind, m.frames) for m in example.media] == [(example.study, "video", {"count": 4})]
    stack = draw(example.media[0], dataset, (56, 56))
    assert (stack.slices, stack.step_mm, stack.frames.shape) == ((1, 3, 5, 7), 10.0, (4, 56, 56, 3))
    predictions = list(read_jsonl(home / "predictions.jsonl"))
    assert {row["image"] for row in predictions} == {"own", "noise", "blank", "other"}
    assert all(row["nats"] > 0 for row in read_jsonl(home / "likelihoods.jsonl"))
    assert read_json(home / "scores.json")["by_task"]["findings/test"]["floors"]["nearest"]
    page = (home / "index.html").read_text(encoding="utf-8")
    assert re.search(r'data-window="lung"><img src="data:image/webp;base64,[^"]{500,}" width="256" height="72"', page)
    written = yaml.safe_load((home / "recipe.yaml").read_text(encoding="utf-8"))
    assert written["prepare"] == {"workers": 1, "toy": {"slices": 4, "spacing": [5.0, 1.0, 1.0]}}
    card = (home / "model" / "README.md").read_text(encoding="utf-8")
    assert "toy volumes" in card and "X-ray" not in card


def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: tuple[str, ...], needs: tuple[str, ...] = ()) -> Path:
    """A dataset of studies with a volume in each of two modalities, ingested, prepared and built."""
    monkeypatch.setitem(imaging.MODALITIES, "toy2", "toy_volume")
    toy_source.write(tmp_path / "source", 8, keys)
    dataset = tmp_path / "data"
    ingest.ingest("toys", {"path": str(tmp_path / "source")}, dataset, language="vi", split_by_source=False)
    settings: dict[str, Any] = {"toy": {}, "toy2": {}}
    damage(tmp_path / "source" / "case03.npz", "toy2" if "toy2" in keys else "toy")
    prepare(dataset, settings=settings, workers=1)
    monkeypatch.setattr("docphim.build.findings.VOLUMES", needs, raising=False)
    words: dict[str, Any] = {"tasks": ["findings"], "prompts": "docphim", "language": "vi", "split_by": "patient", "seed": 0}
    build(dataset, **words, fractions=(0.5, 0.25, 0.25), settings=settings)
    return dataset


def damage(path: Path, key: str) -> None:
    """Flatten one volume of a file."""
    arrays = dict(np.load(path))
    arrays[key] = arrays[key][0]
    np.savez(path, **arrays)


def refused(dataset: Path) -> list[tuple[str, str, str]]:
    return [(row["study"], row["stage"], row["reason"]) for row in read_jsonl(dataset / "rejected.jsonl")]


def studies(dataset: Path) -> set[str]:
    return {example.study for split in ("train", "val", "test") for example in read_examples(dataset, split)}


def test_a_study_half_of_whose_volumes_are_refused_is_refused_where_a_task_needs_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = built(tmp_path, monkeypatch, ("toy", "toy2"), needs=("toy", "toy2"))
    assert refused(dataset) == [
        ("case03", "prepare", "pixels_undecodable"),
        ("case00", "build", "frame_of_reference_differs"),
        ("case03", "build", "volume_missing"),
    ]
    (why,) = [row["why"] for row in read_jsonl(dataset / "rejected.jsonl") if row["reason"] == "volume_missing"]
    assert why == "task findings needs toy2, which is refused: pixels_undecodable"
    assert studies(dataset) == {f"case{n:02}" for n in range(8)} - {"case00", "case03"}


def test_a_task_that_needs_no_particular_volume_shows_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = built(tmp_path, monkeypatch, ("toy", "toy2"))
    assert studies(dataset) == {f"case{n:02}" for n in range(8)} - {"case00"}
    examples = [example for split in ("train", "val", "test") for example in read_examples(dataset, split)]
    both = {example.study: set(example.media[0].volumes) for example in examples}
    assert both.pop("case03") == {"toy"}
    assert all(volumes == {"toy", "toy2"} for volumes in both.values())
    # a study of one volume stands in for none of two
    for example in examples:
        if example.wrong_image is not None:
            assert set(example.wrong_image["media"][0]["volumes"]) == set(example.media[0].volumes)


def test_frames_of_reference_are_told_apart_without_their_uids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = built(tmp_path, monkeypatch, ("toy", "toy2"))
    rows = list(read_jsonl(dataset / "prepared" / "index.jsonl"))
    assert len({row["frame_of_reference"] for row in rows if row["study"] == "case00"}) == 2
    assert len({row["frame_of_reference"] for row in rows if row["study"] == "case01"}) == 1
    assert "1.2.3" not in (dataset / "prepared" / "index.jsonl").read_text(encoding="utf-8")
    assert "1.2.3" not in str(store.read_meta(dataset / "prepared" / "case01-toy.b2nd"))


def test_a_modality_the_recipe_does_not_name_is_refused(tmp_path: Path) -> None:
    toy_source.write(tmp_path / "source", 2)
    ingest.ingest("toys", {"path": str(tmp_path / "source")}, tmp_path / "data", language="vi", split_by_source=False)
    prepare(tmp_path / "data", settings={"xray": {}}, workers=1)
    assert refused(tmp_path / "data") == [(f"case{n:02}", "prepare", "modality_unsupported") for n in range(2)]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"toy": {"slice": 3}}, "prepare.toy.slice: unknown key; did you mean 'slices'?"),
        ({"toy": {"slices": 0}}, "prepare.toy.slices"),
        ({"toys": {}}, "prepare: 'toys' is not one of xray, ct, ct_masks, pet, pet_ct, toy"),
        ({"long_sid": 3}, "prepare.xray.long_sid: unknown key; did you mean 'long_side'?"),
    ],
)
def test_a_wrong_section_is_a_usage_error(tmp_path: Path, section: dict[str, Any], message: str) -> None:
    toy_source.write(tmp_path / "source", 2)
    with pytest.raises(UsageError) as error:
        run.run(recipe_of(tmp_path, prepare=section), until="ingest")
    assert message in str(error.value)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("given", "sections"),
    [
        ({}, {"xray": {"long_side": 1024, "burned_in": "off"}}),
        ({"long_side": 512, "workers": 2}, {"xray": {"long_side": 512, "burned_in": "off"}}),
        ({"long_side": 512, "burned_in": "mask"}, {"xray": {"long_side": 512, "burned_in": "mask"}}),
        ({"xray": {"long_side": 512}}, {"xray": {"long_side": 512, "burned_in": "off"}}),
        ({"toy": {}}, {"toy": {"slices": 3, "spacing": [5.0, 1.0, 1.0]}}),
        (
            {"toy": {}, "xray": {}},
            {"toy": {"slices": 3, "spacing": [5.0, 1.0, 1.0]}, "xray": {"long_side": 1024, "burned_in": "off"}},
        ),
    ],
)
def test_the_short_form_means_films(given: dict[str, Any], sections: dict[str, Any]) -> None:
    prepare = recipe.validated(recipe.Prepare, given, "prepare")
    assert {k: s.model_dump(mode="json") for k, s in imaging.settings_of(prepare.sections).items()} == sections
