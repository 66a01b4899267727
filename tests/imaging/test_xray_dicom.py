"""What a DICOM film says about its grey values is done: compression, signs, rescale, VOI, polarity, padding, geometry."""

from __future__ import annotations

import io

import numpy as np
import pytest
from chest_films import as_bytes, chest, compressed, dataset, film, picture, stored
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset

from docphim.errors import Refused
from docphim.imaging.film import film_from

WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}
EXPECTED = np.clip(chest() / 1.05, 0, 1)  # what every way of storing the drawn chest must come back to


def shown(data: bytes, long_side: int = 1024) -> np.ndarray:
    return film_from(data, long_side).pixels / 65535


def lut(values: list[int], first: int, bits: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US" if first >= 0 else "SS", [len(values) % 65536, first, bits])
    item.add_new("LUTData", "US", values)
    item.add_new("ModalityLUTType", "LO", "US")
    return item


@pytest.mark.parametrize(
    ("syntax", "bits", "tolerance"),
    [
        (uid.RLELossless, 12, 0.001),
        (uid.JPEGLSLossless, 12, 0.001),
        (uid.JPEG2000Lossless, 12, 0.001),
        (uid.JPEGLossless, 12, 0.001),
        (uid.JPEGLosslessSV1, 12, 0.001),
        (uid.JPEGExtended12Bit, 12, 0.02),
        (uid.JPEGBaseline8Bit, 8, 0.05),
        (uid.RLELossless, 16, 0.001),
        (uid.JPEGLSLossless, 16, 0.001),
        (uid.JPEG2000Lossless, 16, 0.001),
        (uid.JPEGLosslessSV1, 16, 0.001),
    ],
)
def test_every_compression_gives_the_same_film(syntax: uid.UID, bits: int, tolerance: float) -> None:
    window = {"WindowCenter": 2 ** (bits - 1), "WindowWidth": 2**bits}
    made = film_from(compressed(dataset(stored(bits), bits, **window), syntax))
    assert made.how["decoder"] == syntax.name
    np.testing.assert_allclose(made.pixels / 65535, EXPECTED, atol=tolerance + 2**-bits)


@pytest.mark.parametrize("endian", ["implicit", "big", "deflated", "bare"])
def test_every_encoding_of_the_header_gives_the_same_film(endian: str) -> None:
    ds = dataset(stored(12), 12, **WINDOW)
    out = io.BytesIO()
    if endian == "big":
        ds.PixelData = stored(12).astype(">u2").tobytes()
    syntaxes = {"implicit": uid.ImplicitVRLittleEndian, "big": uid.ExplicitVRBigEndian}
    ds.file_meta.TransferSyntaxUID = syntaxes.get(endian, uid.ExplicitVRLittleEndian)
    if endian == "deflated":
        ds.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    if endian == "bare":
        del ds.file_meta
        ds.save_as(out, implicit_vr=True, little_endian=True, enforce_file_format=False)
    else:
        ds.save_as(out, enforce_file_format=True)
    np.testing.assert_allclose(shown(out.getvalue()), EXPECTED, atol=0.001)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 15, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_any_depth_and_sign_keeps_its_levels(bits: int, signed: bool) -> None:
    centre = 0 if signed else 2 ** (bits - 1)
    data = as_bytes(dataset(stored(bits, signed=signed), bits, WindowCenter=centre, WindowWidth=2**bits))
    made = film_from(data)
    np.testing.assert_allclose(made.pixels / 65535, EXPECTED, atol=2**-bits + 2**-12)
    if bits >= 12:
        assert len(np.unique(made.pixels)) > 800  # not squeezed through 8 bits


def test_bits_above_the_stored_ones_are_masked() -> None:
    overlay = stored(12) | np.uint16(0xA000)  # overlay planes in the unused bits
    np.testing.assert_allclose(shown(as_bytes(dataset(overlay, 12, **WINDOW))), EXPECTED, atol=0.001)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("shift", [2, 4])
def test_values_in_the_upper_bits_of_the_word(shift: int, signed: bool) -> None:
    high = stored(12, signed=signed) << shift
    tags = {"HighBit": 11 + shift, "WindowCenter": 0 if signed else 2048, "WindowWidth": 4096}
    np.testing.assert_allclose(shown(as_bytes(dataset(high, 12, **tags))), EXPECTED, atol=0.001)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [6, 8])
def test_8_bits_and_fewer_in_words_of_16_are_display_values_too(bits: int, signed: bool) -> None:
    kind = np.int16 if signed else np.uint16
    made = film_from(as_bytes(dataset(stored(bits, signed=signed).astype(kind), bits)))
    assert made.how["voi"] == "full range"
    np.testing.assert_allclose(made.pixels / 65535, EXPECTED, atol=2**-bits)


@pytest.mark.parametrize(
    ("tags", "inverted"),
    [
        ({"PhotometricInterpretation": "MONOCHROME2"}, False),
        ({"PhotometricInterpretation": "MONOCHROME1"}, True),
        ({"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}, True),
        ({"PhotometricInterpretation": "MONOCHROME2", "PresentationLUTShape": "IDENTITY"}, False),
        ({"PhotometricInterpretation": "MONOCHROME2", "PresentationLUTShape": "INVERSE"}, True),
    ],
)
def test_polarity_of_the_header_inverts_once(tags: dict[str, str], inverted: bool) -> None:
    made = film_from(film(12, **WINDOW, **tags))
    assert (made.how["inverted"], made.how["polarity"]) == (inverted, "positive")
    np.testing.assert_allclose(made.pixels / 65535, EXPECTED, atol=0.001)


def linear(x: np.ndarray, c: float, w: float) -> np.ndarray:
    return np.select([x <= c - 0.5 - (w - 1) / 2, x > c - 0.5 + (w - 1) / 2], [0, 1], (x - (c - 0.5)) / (w - 1) + 0.5)


@pytest.mark.parametrize(
    ("function", "formula"),
    [
        (None, linear),
        ("LINEAR", linear),
        ("LINEAR_EXACT", lambda x, c, w: np.clip((x - c) / w + 0.5, 0, 1)),
        ("SIGMOID", lambda x, c, w: 1 / (1 + np.exp(-4 * (x - c) / w))),
    ],
)
def test_windows_follow_the_standard(function: str | None, formula) -> None:
    tags = {"VOILUTFunction": function} if function else {}
    values = stored(12).astype(float) * 2 - 100
    made = film_from(film(12, WindowCenter=3000, WindowWidth=2500, RescaleSlope=2, RescaleIntercept=-100, **tags))
    np.testing.assert_allclose(made.pixels / 65535, formula(values, 3000, 2500), atol=1e-4)
    assert made.how["voi"] == f"{function or 'LINEAR'} 3000 2500"
    assert made.how["modality_lut"] == "rescale"


def test_the_first_of_several_windows_counts() -> None:
    made = film_from(film(12, WindowCenter=[2048, 10], WindowWidth=[4096, 10]))
    np.testing.assert_allclose(made.pixels / 65535, EXPECTED, atol=0.001)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_voi_table_comes_before_the_window(bits: int) -> None:
    curve = (np.linspace(0, 1, 4096) ** 2 * (2**bits - 1)).astype(int)
    made = film_from(film(12, VOILUTSequence=[lut(curve.tolist(), 0, bits)], WindowCenter=1, WindowWidth=2))
    assert made.how["voi"] == "table"
    np.testing.assert_allclose(made.pixels / 65535, EXPECTED**2, atol=0.002 + 2**-bits)


def test_two_8_bit_entries_a_word() -> None:
    curve = (np.linspace(0, 1, 4096) ** 2 * 255).astype(np.uint8)
    packed = np.frombuffer(curve.tobytes(), "<u2").tolist()
    table = lut(packed, 0, 8)
    table.LUTDescriptor = [4096, 0, 8]
    np.testing.assert_allclose(shown(film(12, VOILUTSequence=[table])), EXPECTED**2, atol=0.006)


@pytest.mark.parametrize("bits", [8, 10, 16])
def test_a_table_that_claims_other_bits_than_it_uses_is_shown_neither_dark_nor_white(bits: int) -> None:
    curve = np.linspace(0, 4095, 4096).astype(int)
    np.testing.assert_allclose(shown(film(12, VOILUTSequence=[lut(curve.tolist(), 0, bits)])), EXPECTED, atol=0.001)


def test_a_table_shorter_than_it_says_is_refused() -> None:
    table = lut([1, 2, 3], 0, 12)
    table.LUTDescriptor = [4096, 0, 12]
    with pytest.raises(Refused) as refusal:
        film_from(film(12, VOILUTSequence=[table]))
    assert refusal.value.reason == "pixels_undecodable"


def test_a_table_over_signed_values() -> None:
    curve = np.linspace(0, 65535, 4096).astype(int)
    data = as_bytes(dataset(stored(12, signed=True), 12, VOILUTSequence=[lut(curve.tolist(), -2048, 16)]))
    np.testing.assert_allclose(shown(data), EXPECTED, atol=0.001)


def test_a_voi_table_may_begin_anywhere() -> None:
    curve = np.linspace(0, 65535, 1000).astype(int)
    made = film_from(film(12, VOILUTSequence=[lut(curve.tolist(), 1500, 16)]))
    np.testing.assert_allclose(made.pixels / 65535, np.clip((stored(12).astype(float) - 1500) / 999, 0, 1), atol=0.001)


def test_a_modality_table_is_applied_before_the_window() -> None:
    curve = (np.linspace(0, 1, 4096) ** 0.5 * 65535).astype(int)
    made = film_from(film(12, ModalityLUTSequence=[lut(curve.tolist(), 0, 16)], WindowCenter=32768, WindowWidth=65536))
    assert made.how["modality_lut"] == "table"
    np.testing.assert_allclose(made.pixels / 65535, EXPECTED**0.5, atol=0.02)


@pytest.mark.parametrize("window", [{}, {"WindowCenter": 5, "WindowWidth": 0}, {"VOILUTFunction": "MAGIC", **WINDOW}])
def test_without_a_usable_window_percentiles_are_the_rule(window: dict[str, object]) -> None:
    values = stored(12).astype(float)
    low, high = np.percentile(values, [0.5, 99.5], method="inverted_cdf")
    made = film_from(film(12, **window))
    assert made.how["voi"] == "percentiles 0.5 99.5"
    np.testing.assert_allclose(made.pixels / 65535, np.clip((values - low) / (high - low), 0, 1), atol=0.001)


def test_a_falling_rescale_and_monochrome1_undo_each_other() -> None:
    tags = {"PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": -1, "RescaleIntercept": 4095}
    data = as_bytes(dataset(stored(12), 12, **tags))
    np.testing.assert_array_equal(film_from(data).pixels, film_from(film(12)).pixels)


def test_a_falling_rescale_is_refused_when_it_contradicts_the_pixels() -> None:
    with pytest.raises(Refused) as refusal:
        film_from(film(12, RescaleSlope=-1, RescaleIntercept=4095))
    assert refusal.value.reason == "polarity_contradicts"


@pytest.mark.parametrize(
    ("value", "limit", "signed"), [(0, None, False), (4095, None, False), (0, 20, False), (20, 0, False), (-2048, None, True)]
)
@pytest.mark.parametrize("negative", [False, True])
def test_padding_is_black_and_moves_no_statistic(value: int, limit: int | None, signed: bool, negative: bool) -> None:
    body = np.clip(stored(11, negative=negative).astype(int) + 1000 - (2048 if signed else 0), -2000, 4000)
    framed = np.full((300, 200), value)
    framed[30:270] = body
    if limit is not None:
        framed[:10] = limit
    tags = {"PixelPaddingValue": value, "PhotometricInterpretation": "MONOCHROME1" if negative else "MONOCHROME2"}
    if limit is not None:
        tags["PixelPaddingRangeLimit"] = limit
    kind = np.int16 if signed else np.uint16
    bare = film_from(as_bytes(dataset(body.astype(kind), 12, PhotometricInterpretation=tags["PhotometricInterpretation"])))
    made = film_from(as_bytes(dataset(framed.astype(kind), 12, **tags)))
    assert made.how["padding"] == 60 * 200
    assert not made.pixels[:30].any()
    assert not made.pixels[270:].any()
    np.testing.assert_array_equal(made.pixels[30:270], bare.pixels)


def test_padding_written_as_unsigned_and_meant_as_signed() -> None:
    framed = np.full((300, 200), -2048, np.int16)
    framed[30:270] = np.clip(stored(12, signed=True), -2000, None)
    ds = dataset(framed, 12)
    ds.add_new("PixelPaddingValue", "US", 65536 - 2048)
    assert film_from(as_bytes(ds)).how["padding"] == 60 * 200


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "PALETTE COLOR"])
def test_colour_becomes_its_luma(photometric: str) -> None:
    grey = stored(8)
    tags: dict[str, object] = {}
    array = np.repeat(grey[:, :, None], 3, axis=2)
    if photometric == "YBR_FULL":
        array[..., 1:] = 128
    if photometric == "PALETTE COLOR":
        array = grey
        for name in ("Red", "Green", "Blue"):
            tags[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
            tags[f"{name}PaletteColorLookupTableData"] = (np.arange(256) * 257).astype("<u2").tobytes()
    made = film_from(as_bytes(dataset(array, 8, PhotometricInterpretation=photometric, **tags)))
    np.testing.assert_allclose(made.pixels / 65535, EXPECTED, atol=0.006)


def test_the_channels_of_a_colour_count_as_the_eye_sees_them() -> None:
    """ITU-R BT.601: 0.299 red, 0.587 green, 0.114 blue."""
    grey = stored(8)
    channels = np.stack([np.rint(grey * share).astype(np.uint8) for share in (1.0, 0.8, 0.3)], axis=2)
    made = film_from(as_bytes(dataset(channels, 8)))
    np.testing.assert_allclose(made.pixels / 65535, EXPECTED * (0.299 + 0.587 * 0.8 + 0.114 * 0.3), atol=0.006)


@pytest.mark.parametrize(
    ("tags", "spacing", "source"),
    [
        ({"PixelSpacing": [0.2, 0.2]}, (0.4, 0.4), "PixelSpacing"),
        ({"PixelSpacing": [0, 0]}, None, None),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.1, 0.1]}, (0.2, 0.2), "ImagerPixelSpacing"),
        ({"PixelSpacing": [0.14, 0.14], "ImagerPixelSpacing": [0.15, 0.15]}, (0.28, 0.28), "PixelSpacing"),
        ({"NominalScannedPixelSpacing": [0.3, 0.3]}, (0.6, 0.6), "NominalScannedPixelSpacing"),
        ({}, None, None),
    ],
)
def test_spacing_scales_with_the_film(tags: dict[str, object], spacing: tuple[float, float] | None, source: str | None) -> None:
    made = film_from(film(12, **WINDOW, **tags), long_side=120)
    assert (made.pixels.shape, made.spacing, made.how["spacing_from"]) == ((120, 100), spacing, source)


@pytest.mark.parametrize(
    ("rows", "columns", "turn"),
    [
        ("L", "F", lambda a: a),
        ("R", "F", lambda a: a[:, ::-1]),
        ("L", "H", lambda a: a[::-1]),
        ("R", "H", lambda a: a[::-1, ::-1]),
        ("F", "L", lambda a: a.T),
        ("F", "R", lambda a: a[:, ::-1].T),
        ("H", "L", lambda a: a[::-1].T),
        ("LF", "FR", lambda a: a),
    ],
)
def test_stated_orientation_brings_the_film_upright(rows: str, columns: str, turn) -> None:
    array = np.ascontiguousarray(turn(stored(12)))
    made = film_from(as_bytes(dataset(array, 12, PatientOrientation=[rows, columns], PixelSpacing=[0.2, 0.2], **WINDOW)))
    np.testing.assert_allclose(made.pixels / 65535, EXPECTED, atol=0.001)


@pytest.mark.parametrize(
    ("rows", "columns", "turn", "spacing"),
    [("F", "L", lambda a: a.T, (0.2005, 0.2)), ("R", "F", lambda a: a[:, ::-1], (0.2, 0.2005))],
)
def test_a_film_that_is_turned_takes_its_spacing_along(rows: str, columns: str, turn, spacing: tuple[float, float]) -> None:
    """Pixels of 0.2 mm down and 0.2005 mm across, in the file, are near enough to square to stay as they are."""
    array = np.ascontiguousarray(turn(stored(12)))
    made = film_from(as_bytes(dataset(array, 12, PatientOrientation=[rows, columns], PixelSpacing=[0.2, 0.2005], **WINDOW)))
    assert made.pixels.shape == (240, 200) and made.spacing == spacing


@pytest.mark.parametrize("value", [None, ["L"], ["L", "R"], ["", ""]])
def test_an_unstated_orientation_turns_nothing(value: list[str] | None) -> None:
    made = film_from(film(12, **WINDOW, **({"PatientOrientation": value} if value else {})))
    assert made.how["orientation"] == "not stated"
    np.testing.assert_allclose(made.pixels / 65535, EXPECTED, atol=0.001)


def test_down_scaling_keeps_16_bits_and_averages() -> None:
    big = stored(12, height=1200, width=1000)
    big = np.clip(big.astype(int) + np.where(np.indices(big.shape).sum(0) % 2, 300, -300), 0, 4095).astype(np.uint16)
    made = film_from(as_bytes(dataset(big, 12, **WINDOW)), long_side=240)
    assert made.pixels.shape == (240, 200)
    inside = (slice(150, 170), slice(50, 60))  # a checkerboard would alias if it were sampled, not averaged
    np.testing.assert_allclose(made.pixels[inside] / 65535, EXPECTED[inside], atol=0.02)
    assert len(np.unique(made.pixels)) > 5000


def test_a_small_film_is_never_up_sampled() -> None:
    assert film_from(film(12, **WINDOW), long_side=4096).pixels.shape == (240, 200)


@pytest.mark.parametrize(
    ("tags", "shape"),
    [
        ({"PixelSpacing": [0.2, 0.1]}, (240, 100)),
        ({"PixelSpacing": [0.1, 0.2]}, (120, 200)),
        ({"PixelAspectRatio": [2, 1]}, (240, 100)),
        ({"PixelSpacing": [0.2, 0.2005]}, (240, 200)),
    ],
)
def test_pixels_become_square(tags: dict[str, object], shape: tuple[int, int]) -> None:
    made = film_from(film(12, **WINDOW, **tags))
    assert made.pixels.shape == shape
    if made.spacing:
        assert made.spacing[0] == pytest.approx(made.spacing[1], rel=0.01)


def test_the_same_bytes_give_the_same_film() -> None:
    data = film(12)
    first, second = film_from(data, 100), film_from(data, 100)
    assert first.pixels.tobytes() == second.pixels.tobytes()
    assert first.how == second.how


def test_a_16_bit_png_of_the_same_film_agrees() -> None:
    made = film_from(picture(Image.fromarray(stored(12))))
    dicom = film_from(film(12))
    np.testing.assert_array_equal(made.pixels, dicom.pixels)
