"""Pictures: every depth, colour and form comes back as the same grey film."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from chest_films import chest, picture, stored
from PIL import Image

from docphim.errors import Refused
from docphim.imaging.film import film_from

EXPECTED = np.clip(chest() / 1.05, 0, 1)
GREY = stored(8)


def colour() -> Image.Image:
    return Image.fromarray(np.repeat(GREY[:, :, None], 3, axis=2))


def with_alpha() -> Image.Image:
    image = colour().convert("RGBA")
    image.putalpha(Image.fromarray(np.full(GREY.shape, 255, np.uint8)))
    return image


def palette() -> Image.Image:
    image = Image.fromarray(255 - GREY)
    image = image.convert("P")
    image.putpalette([v for i in range(256) for v in (255 - i,) * 3])
    return image


@pytest.mark.parametrize(
    ("image", "form", "options"),
    [
        (Image.fromarray(GREY), "PNG", {}),
        (colour(), "PNG", {}),
        (with_alpha(), "PNG", {}),
        (palette(), "PNG", {}),
        (Image.fromarray(GREY).convert("LA"), "PNG", {}),
        (Image.fromarray(GREY), "JPEG", {"quality": 98}),
        (colour(), "JPEG", {"quality": 98}),
        (colour().convert("CMYK"), "JPEG", {"quality": 98}),
        (Image.fromarray(GREY), "TIFF", {}),
        (Image.fromarray(GREY), "TIFF", {"compression": "tiff_lzw"}),
        (Image.fromarray(GREY), "TIFF", {"compression": "tiff_adobe_deflate"}),
        (colour(), "TIFF", {"compression": "packbits"}),
    ],
)
def test_eight_bit_pictures_keep_their_grey(image: Image.Image, form: str, options: dict[str, object]) -> None:
    made = film_from(picture(image, form, **options))
    np.testing.assert_allclose(made.pixels / 65535, EXPECTED, atol=0.03 if form == "JPEG" else 0.003)
    assert (made.how["voi"], made.view, made.spacing) == ("full range", "unknown", None)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [12, 16])
def test_deep_pictures_are_stretched_by_the_declared_rule(form: str, bits: int) -> None:
    values = stored(bits)
    low, high = np.percentile(values, [0.5, 99.5], method="inverted_cdf")
    made = film_from(picture(Image.fromarray(values), form))
    assert made.how["voi"] == "percentiles 0.5 99.5"
    np.testing.assert_allclose(made.pixels / 65535, np.clip((values.astype(float) - low) / (high - low), 0, 1), atol=0.001)


@pytest.mark.parametrize("kind", ["float", "int32", "big-endian"])
def test_unusual_tiff_samples(kind: str) -> None:
    values = stored(12)
    if kind == "float":
        image = Image.fromarray(values.astype(np.float32) * 0.01 - 7)
    elif kind == "int32":
        image = Image.fromarray(values.astype(np.int32) * 300 - 5)
    else:
        image = Image.fromarray(values.astype(">u2"))
    made = film_from(picture(image, "TIFF"))
    np.testing.assert_allclose(made.pixels / 65535, film_from(picture(Image.fromarray(values))).pixels / 65535, atol=0.001)


@pytest.mark.parametrize("bits", [8, 16])
def test_white_is_zero_tiffs_are_turned(bits: int) -> None:
    negative = stored(bits, negative=True)
    data = bytearray(picture(Image.fromarray(negative), "TIFF"))
    entry = struct.pack("<HHI", 262, 3, 1)
    at = data.index(entry) + len(entry)
    data[at] = 0  # PhotometricInterpretation: WhiteIsZero
    made = film_from(bytes(data))
    assert made.how["polarity"] == "positive"
    np.testing.assert_allclose(
        made.pixels / 65535, film_from(picture(Image.fromarray(stored(bits)))).pixels / 65535, atol=0.001
    )


def test_twelve_bit_pictures_in_sixteen_are_not_dark() -> None:
    assert film_from(picture(Image.fromarray(stored(12)))).pixels.max() == 65535


def test_what_is_transparent_is_black() -> None:
    image = with_alpha()
    alpha = np.full(GREY.shape, 255, np.uint8)
    alpha[:60] = 0
    image.putalpha(Image.fromarray(alpha))
    made = film_from(picture(image))
    assert not made.pixels[:60].any()
    np.testing.assert_allclose(made.pixels[60:] / 65535, EXPECTED[60:], atol=0.003)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_exif_orientation_is_undone(orientation: int, form: str) -> None:
    undo = {2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1], 5: lambda a: a.T}
    undo |= {6: lambda a: np.rot90(a), 7: lambda a: a[::-1, ::-1].T, 8: lambda a: np.rot90(a, -1)}
    array = np.ascontiguousarray(undo.get(orientation, lambda a: a)(GREY))
    exif = Image.Exif()
    exif[0x0112] = orientation
    made = film_from(picture(Image.fromarray(array), form, exif=exif, **({"quality": 98} if form == "JPEG" else {})))
    np.testing.assert_allclose(made.pixels / 65535, EXPECTED, atol=0.05)


def test_a_negative_picture_is_refused_not_guessed() -> None:
    with pytest.raises(Refused) as refusal:
        film_from(picture(Image.fromarray(255 - GREY)))
    assert refusal.value.reason == "polarity_contradicts"


def png_claiming(width: int, height: int) -> bytes:
    """A PNG header that claims a size, and next to no data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def several(form: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(GREY).save(out, form, save_all=True, append_images=[Image.fromarray(GREY[::-1])])
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "file_empty"),
        (png_claiming(65535, 65535), "image_too_large"),
        (png_claiming(20000, 20000), "image_too_large"),
        (png_claiming(200, 200), "file_truncated"),
        (picture(GREY)[:-3000], "file_truncated"),
        (picture(GREY)[:40], "file_unreadable"),
        (picture(GREY, "JPEG")[:-3000], "file_truncated"),
        (picture(GREY)[:2000] + b"\0" * 200 + picture(GREY)[2200:], "pixels_undecodable"),
        (b"\x89PNG\r\n\x1a\n" + b"junk" * 50, "file_unreadable"),
        (b"\xff\xd8\xff\xe0" + b"junk" * 50, "file_unreadable"),
        (b"II*\0" + b"junk" * 50, "file_unreadable"),
        (several("TIFF"), "multiframe"),
        (several("PNG"), "multiframe"),
        (picture(GREY[:40, :40]), "image_too_small"),
        (picture(np.full((200, 200), 7, np.uint8)), "pixels_constant"),
        (picture(np.full((200, 200), 700, np.uint16)), "pixels_constant"),
        (picture(np.full((200, 200, 3), 7, np.uint8)), "pixels_constant"),
        (picture(np.where(GREY > 200, np.float32("nan"), GREY).astype(np.float32), "TIFF"), "pixels_not_finite"),
        (picture(np.where(GREY > 200, np.float32("inf"), GREY).astype(np.float32), "TIFF"), "pixels_not_finite"),
        (picture(Image.fromarray(GREY).convert("1")), "photometric_unknown"),
        (picture(Image.fromarray(GREY), "GIF"), "file_unreadable"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "file_unreadable"),
        (b"MZ" + b"\0" * 400, "file_unreadable"),
    ],
)
def test_bad_pictures_are_refused_by_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        film_from(data)
    assert refusal.value.reason == reason
