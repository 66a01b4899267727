"""Features of another encoder in the place of an encoder: read by study, refused where they are of another."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from docphim.errors import Refused, UsageError
from docphim.imaging.frames import Stack
from docphim.models import load, meet, stored_features
from docphim.models.assemble import complete
from docphim.models.encode import collate, encode
from docphim.recipe import Model
from docphim.study import Message

TEXTS = ["Bóng tim to.", "Mô tả hình ảnh."]
SIZES = {"vocab": 300, "hidden": 32, "layers": 1, "heads": 2, "report_hidden": 32, "report_layers": 1, "reports": True}
TALK = [Message("user", "<image>\nMô tả hình ảnh."), Message("assistant", TEXTS[0])]


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "features"
    place.mkdir()
    for number, study in enumerate(("a", "b")):
        write(place, study, torch.randn(6, 24, generator=torch.Generator().manual_seed(number)))
    return place


def write(place, study, features, named=None, tensor="features"):
    save_file({tensor: features}, place / f"{study}.safetensors", {"study": named or study})


def shown(study, part=False):
    return Stack(np.zeros((1, 56, 56, 3), np.uint8), None, (0,), study=study, part=part)


def make(folder, **sizes):
    return load.create_tiny("aligned", TEXTS, 56, 0, {**SIZES, "features": str(folder), **sizes})


def test_a_study_is_its_features_and_nothing_of_its_pixels(folder, tmp_path):
    made = make(folder)
    rows = [encode(made, TALK, [shown(study)]) for study in ("a", "b", None)]
    assert [row.input_ids.tolist().count(made.config.image_token_id) for row in rows] == [6] * 3
    for row, study in zip(rows[:2], ("a", "b"), strict=True):
        assert row.media["stack_features"].equal(stored_features.read(str(folder), study, (6, 24)))
    assert not rows[2].media["stack_features"].any(), "a blank image has none"
    batch = {name: value for name, value in collate(made, rows, "right").items() if name != "labels"}
    with torch.no_grad():
        logits = made.model(**batch).logits
    assert not torch.allclose(logits[0], logits[1], atol=1e-4)
    vectors = meet.image_vectors(made, [shown("a"), shown("b")])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5) and not np.allclose(*vectors, atol=1e-3)
    load.save(made, tmp_path / "model")
    with torch.no_grad():
        assert load.load_saved(tmp_path / "model").model(**batch).logits.equal(logits)
    assert {name for name, p in made.model.named_parameters() if name.startswith("vision.encoder")} == set()


def test_tokens_are_pooled_where_there_are_more_features(folder):
    made = make(folder, encoder={"tokens": (2, 4, 4)})
    assert encode(made, TALK, [shown("a")]).input_ids.tolist().count(made.config.image_token_id) == 2


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda place: write(place, "b", torch.ones(6, 24), named="a"), "features_unfit: b: .*of a"),
        (lambda place: write(place, "b", torch.ones(5, 24)), "features_unfit: b: .*5 x 24, and others' are 6 x 24"),
        (lambda place: write(place, "b", torch.ones(6, 24, 2)), "features_unfit: b: .*6 x 24 x 2, not n x width"),
        (lambda place: write(place, "b", torch.full((6, 24), torch.nan)), "features_unfit: b: .*finite"),
        (lambda place: write(place, "b", torch.ones(6, 24), tensor="x"), "features_unfit: b: .*no tensor 'features'"),
        (lambda place: (place / "b.safetensors").unlink(), "file_missing: b"),
        (lambda place: (place / "b.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{"), "file_truncated: b"),
    ],
    ids=["another study", "another shape", "no table", "no numbers", "another tensor", "missing", "cut off"],
)
def test_a_file_that_does_not_fit_is_refused_by_reason(folder, spoil, line):
    made = make(folder)
    spoil(folder)
    encode(made, TALK, [shown("a")])
    with pytest.raises(Refused, match=line):
        encode(made, TALK, [shown("b")])


def test_a_region_has_no_features_of_its_own(folder):
    with pytest.raises(Refused, match=r"features_unfit: a: .*a region"):
        encode(make(folder), TALK, [shown("a", part=True)])


def test_a_folder_without_files_and_a_run_of_the_other_kind_are_refused(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match=r"file_missing: model\.features"):
        make(tmp_path / "empty")
    with pytest.raises(UsageError, match="reads stored features"):
        complete(make(folder), Model(family="aligned").model_dump(), TEXTS, 0, aligning=True)
    with pytest.raises(UsageError, match="has an encoder of its own"):
        made = load.create_tiny("aligned", TEXTS, 56, 0, SIZES)
        complete(made, Model(family="aligned", features=str(folder)).model_dump(), TEXTS, 0, aligning=True)
