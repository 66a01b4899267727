"""build: leaks and wrong images know every study that an example shows, priors too."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docphim import imaging
from docphim.build import leaks, wrong_image
from docphim.build import media as looks
from docphim.build.media import Pictures
from docphim.errors import Refused
from docphim.study import Media, Study


def film(study: str) -> Media:
    return Media(study, "image", {"xray": f"prepared/{study}.b2nd"})


def pictures(media: dict[str, list[Media]], same: tuple[str, ...] = ()) -> Pictures:
    """Studies and what is shown of each; the films of `same` have the same thumbnail."""
    names = sorted({entry.study for shown in media.values() for entry in shown})
    rows = [{"study": s, "modality": "xray", "path": f"prepared/{s}.b2nd", "sha256": s} for s in names]
    thumbs = np.random.default_rng(0).random((len(names), 32, 32), np.float32)
    for name in same:
        thumbs[names.index(name)] = thumbs[names.index(same[0])]
    return Pictures({row["study"]: [row] for row in rows}, media, [], {"xray": (rows, thumbs)}, {})


def study(name: str) -> Study:
    return Study(name, f"p-{name[0]}", None, None, None, [], None, None, None, "test")


def test_a_prior_shown_in_another_split_is_a_leak_of_patient_pixels_and_likeness():
    # b2 shows its prior b1, which trains; c is like b1 in all but name
    media = {"a1": [film("a1")], "b1": [film("b1")], "b2": [film("b2"), film("b1")], "c1": [film("c1")]}
    splits = {"a1": "train", "b1": "train", "b2": "test", "c1": "val"}
    patients = {name: f"p-{name[0]}" for name in media}
    report = leaks.report([study(s) for s in media], splits, pictures(media, ("b1", "c1")), patients)
    assert report["patient"]["shown"] == [
        [{"study": "b1", "split": "test"}, {"study": "b1", "split": "train"}, {"study": "b2", "split": "test"}]
    ]
    assert report["pixels"]["shown"] == [[{"study": "b1", "split": "test"}, {"study": "b1", "split": "train"}]]
    # the same film is one that is like it, in test against train, as c is against both
    assert {(p["study"], p["other"]) for p in report["similar"]["shown"]} == {("b1", "b1"), ("c1", "b1"), ("b1", "c1")}


def test_a_prior_without_a_split_of_its_own_is_counted_where_it_is_shown():
    media = {"b1": [film("b1")], "b2": [film("b2"), film("x1")], "x1": [film("x1")], "d1": [film("d1"), film("x1")]}
    splits = {"b2": "test", "d1": "train"}
    patients = {name: f"p-{name[0]}" for name in media}
    report = leaks.report([study(s) for s in ("b2", "d1")], splits, pictures(media), patients)
    assert report["patient"]["shown"] == [[{"study": "x1", "split": "test"}, {"study": "x1", "split": "train"}]]


def test_the_studies_an_example_shows_are_its_own_and_its_priors():
    assert looks.studies_shown("b2", [film("b2"), film("b1"), film("b1")]) == ["b2", "b1"]
    assert looks.tags([film("b2"), Media("b2", "video", {"ct": "x"})]) == "<image><video>"
    assert looks.modalities([Media("b2", "video", {"pet": "x", "ct": "y"}), film("b1")]) == ("ct", "pet", "xray")


def pair(**changes):
    """Rows of index.jsonl of one study with two volumes, the second changed."""
    row = {"study": "s", "modality": "toy", "path": "a", "shape": [9, 72, 64], "spacing": [5, 1, 1], "frame_of_reference": "f"}
    return [row, {**row, "modality": "toy2", "path": "b", **changes}]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"frame_of_reference": "g"}, "frame_of_reference_differs"),
        ({"frame_of_reference": None}, "frame_of_reference_differs"),
        ({"shape": [9, 72, 65]}, "shape_differs"),
        ({"spacing": [3.27, 4, 4]}, "shape_differs"),
        ({"spacing": None}, "no_geometry"),
    ],
)
def test_volumes_of_two_grids_are_refused_before_an_example_is_made_of_them(monkeypatch, changes, reason):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "toy")  # where the toy modality lies, whatever else is collected
    monkeypatch.setattr(imaging, "MODALITIES", {"toy": "toy_volume", "toy2": "toy_volume"})
    settings = imaging.settings_of({"toy": {}, "toy2": {}})
    if reason is None:
        assert [entry.volumes for entry in looks.media_of("s", pair(), settings)] == [{"toy": "a", "toy2": "b"}] * 2
        return
    with pytest.raises(Refused) as refusal:
        looks.media_of("s", pair(**changes), settings)
    assert (refusal.value.reason, refusal.value.where) == (reason, "s")


@given(
    st.lists(st.tuples(st.integers(0, 11), st.sets(st.integers(0, 11), max_size=2)), min_size=1, max_size=30), st.integers(0, 3)
)
def test_a_partner_shares_no_patient_with_anything_shown(shown, seed):
    patients = {f"s{n:02}": {f"p{own}", *(f"p{other}" for other in more)} for n, (own, more) in enumerate(shown)}
    partners = wrong_image.partners(patients, seed)
    assert sorted(partners) == sorted(patients)
    if set(partners.values()) != {None}:
        assert sorted(partners.values()) == sorted(patients)
        assert all(not patients[study] & patients[other] for study, other in partners.items())


def test_studies_linked_by_a_shared_patient_are_one_group():
    patients = {"a": {"p1"}, "b": {"p1", "p2"}, "c": {"p2"}, "d": {"p3"}, "e": {"p4"}, "f": {"p5"}}
    partners = wrong_image.partners(patients, 0)
    assert None not in partners.values()
    assert {partners["a"], partners["b"], partners["c"]} == {"d", "e", "f"}
