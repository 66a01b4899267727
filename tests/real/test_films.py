"""Real films: the CR and the pictures go through, upright and white on black; what is out of scope is refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "imaging"))  # chest_films
from chest_films import as_bytes, compressed, picture
from pydicom import uid

from docphim.errors import Refused
from docphim.imaging.film import film_from, read_film
from docphim.imaging.inspect import inspect
from docphim.imaging.polarity import polarity

SHARED = Path(os.environ.get("DOCPHIM_SHARED", Path(__file__).parents[2].parent / "shared")) / "data"
pytestmark = [pytest.mark.real, pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of real input is not here")]

CR = SHARED / "xray_dicom" / "chest_PA_multiple_masses_RG1_J2KI.dcm"
TIBIA = SHARED / "xray_dicom" / "NOT_CHEST_tibia_RG3_J2KI.dcm"
PICTURES = sorted([*SHARED.glob("xray_ccby_with_text/*.[jp][pn]g"), *SHARED.glob("xray_dicom/*.png")])


def test_the_real_cr_goes_through() -> None:
    film = read_film(str(CR), 1024)
    assert (film.pixels.shape, film.spacing, film.view) == ((1024, 964), None, "PA")  # its PixelSpacing is 0 \\ 0
    expected = {"photometric": "MONOCHROME1", "bits": 15, "inverted": True, "voi": "LINEAR 15000 30000"}
    assert {k: film.how[k] for k in expected} == expected
    assert (film.how["orientation"], film.how["polarity"]) == ("as stored", "positive")
    stored = pydicom.dcmread(CR).pixel_array.astype(float)
    plain = 1 - np.clip((stored - 14999.5) / 29999 + 0.5, 0, 1)
    coarse = plain[:1952, :1840].reshape(122, 16, 115, 16).mean((1, 3))
    small = np.asarray(Image.fromarray(film.pixels.astype(np.float32)).resize((115, 122), Image.Resampling.BOX)) / 65535
    assert np.abs(small - coarse).mean() < 0.01
    assert len(np.unique(film.pixels)) > 10_000


def test_there_are_ten_pictures() -> None:
    assert len(PICTURES) == 10


@pytest.mark.parametrize("number", range(10))
def test_each_picture_goes_through_and_its_negative_does_not(number: int) -> None:
    film = read_film(str(PICTURES[number]), 1024)
    assert film.how["polarity"] == "positive"
    assert film.view == "unknown"
    grey = np.asarray(Image.open(PICTURES[number]).convert("L"))
    np.testing.assert_allclose(film.pixels / 257, grey, atol=1)
    with pytest.raises(Refused) as refusal:
        film_from(picture(255 - grey))
    assert refusal.value.reason == "polarity_contradicts"


def test_the_cr_under_the_wrong_photometric_is_refused() -> None:
    ds = pydicom.dcmread(CR)
    ds.PhotometricInterpretation = "MONOCHROME2"
    with pytest.raises(Refused) as refusal:
        film_from(as_bytes(ds))
    assert refusal.value.reason == "polarity_contradicts"


@pytest.mark.parametrize("margin", [0.05, 0.1, 0.2])
def test_polarity_holds_when_a_real_film_is_cropped_shifted_or_bordered(margin: float) -> None:
    for path in PICTURES:
        grey = np.asarray(Image.open(path).convert("L")).astype(np.float32)
        h, w = grey.shape
        cut = round(margin * min(h, w))
        for film in (grey[cut:-cut, cut:-cut], grey[cut:], grey[:, cut:], grey[:, :-cut], np.pad(grey, cut)):
            assert polarity(film) != "negative"
            assert polarity(255 - film) != "positive"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ViewPosition": "LL"}, "view_out_of_scope"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "for_processing"),
        ({"BodyPartExamined": "KNEE"}, "body_part_out_of_scope"),
        ({"NumberOfFrames": 2}, "multiframe"),
    ],
)
def test_the_cr_with_another_header_is_refused(change: dict[str, object], reason: str) -> None:
    ds = pydicom.dcmread(CR)
    for keyword, value in change.items():
        setattr(ds, keyword, value)
    with pytest.raises(Refused) as refusal:
        film_from(as_bytes(ds))
    assert refusal.value.reason == reason


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.JPEGLosslessSV1])
def test_the_cr_is_the_same_under_every_lossless_compression(syntax: uid.UID) -> None:
    ds = pydicom.dcmread(CR)
    ds.decompress(generate_instance_uid=False)
    plain = film_from(as_bytes(ds), 512)
    np.testing.assert_array_equal(film_from(compressed(ds, syntax), 512).pixels, plain.pixels)


@pytest.mark.parametrize("cut", [100, 5000, 300_000])
def test_the_cr_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(Refused) as refusal:
        film_from(CR.read_bytes()[:-cut])
    assert refusal.value.reason == "file_truncated"


def test_the_tibia_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        read_film(str(TIBIA))
    assert refusal.value.reason == "body_part_out_of_scope"
    assert "EXTREMITY" in refusal.value.why


@pytest.mark.parametrize(
    ("folder", "counts", "usable", "reasons"),
    [
        ("xray_dicom", {"CR": 2, "xray": 2}, 3, {"body_part_out_of_scope"}),
        ("xray_ccby_with_text", {"xray": 8}, 8, set()),
        ("ct_chest_lidc_0314", {"CT": 1}, 1, set()),
        ("ct_nifti", {"CT": 1, "unknown": 2}, 1, {"unit_unknown"}),
    ],
)
def test_inspect_knows_the_folders(folder: str, counts: dict[str, int], usable: int, reasons: set[str]) -> None:
    found = inspect(SHARED / folder)
    assert (found["modalities"], found["usable"]) == (counts, usable)
    assert {r["reason"] for r in found["refused"]} == reasons


def test_inspect_reads_the_geometry_of_a_ct_and_a_nifti() -> None:
    (series,) = inspect(SHARED / "ct_chest_lidc_0314")["volumes"]
    assert (series["shape"], series["spacing"], series["unit"]) == ([55, 512, 512], [5.0, 0.78125, 0.78125], "HU")
    ct = inspect(next((SHARED / "ct_chest_lidc_0314").rglob("*.dcm")))
    assert (ct["modality"], ct["shape"], ct["spacing"]) == ("CT", [512, 512], [0.78125, 0.78125])
    volume = inspect(SHARED / "ct_nifti" / "chest_cta_pulmonary_crop_ct.nii.gz")
    # The file's axes run L, P, S; a volume's are slices, rows, columns.
    assert (volume["format"], volume["shape"], volume["spacing"]) == ("nifti", [112, 102, 122], [1.5, 1.5, 1.5])


CASES = SHARED / "cases"


@pytest.mark.skipif(not CASES.is_dir(), reason="the small inputs that failed are not here")
@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("alpha0.png", {"pixels_constant"}),
        ("lut_4096_of_4000_b.dcm", {"pixels_undecodable"}),
        ("jpegls_20s.dcm", {"pixels_undecodable", "decoding_too_slow"}),  # by the speed of the machine
    ],
)
def test_what_was_accepted_or_took_half_a_minute_is_refused(name: str, reasons: set[str]) -> None:
    with pytest.raises(Refused) as refusal:
        read_film(str(CASES / name))
    assert refusal.value.reason in reasons


@pytest.mark.skipif(not CASES.is_dir(), reason="the small inputs that failed are not here")
def test_an_overlay_in_a_compressed_stream_is_masked_and_an_abstention_is_said() -> None:
    film = read_film(str(CASES / "overlay_bits_j2k.dcm"))
    clean = read_film(str(CASES / "tables" / "film.dcm"))  # the same film, smaller, without an overlay
    small = np.asarray(Image.fromarray(film.pixels.astype(np.float32)).resize(clean.pixels.shape[::-1], Image.Resampling.BOX))
    assert np.corrcoef(small.ravel(), clean.pixels.ravel())[0, 1] > 0.99
    assert film.how["unchecked"] == []
    assert read_film(str(CASES / "inverted_icu.png")).how["unchecked"] == ["polarity", "position"]


@pytest.mark.parametrize("state", range(1, 16))
def test_each_picture_in_a_wrong_position_or_polarity_is_refused(state: int) -> None:
    across, mirrored, down, negative = (bool(state >> i & 1) for i in range(4))
    for path in PICTURES:
        grey = np.asarray(Image.open(path).convert("L"))
        grey = grey.T if across else grey
        grey = grey[:, ::-1] if mirrored else grey
        grey = grey[::-1] if down else grey
        data = picture(np.ascontiguousarray(255 - grey if negative else grey))
        if not (across or down or negative):
            assert film_from(data).how["unchecked"] == []
            continue
        with pytest.raises(Refused) as refusal:
            film_from(data)
        assert refusal.value.reason == ("sideways" if across else "upside_down" if down else "polarity_contradicts")
