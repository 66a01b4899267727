"""Every fault a film's file can have is one refusal with a reason: no warning, no giant allocation, no name let out."""

from __future__ import annotations

import resource
import struct
from pathlib import Path

import numpy as np
import pytest
from chest_films import as_bytes, compressed, dataset, film, picture, stored
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid

from docphim.errors import Refused
from docphim.imaging.film import film_from, read_film
from docphim.imaging.io.dicom import numbers, read

FILM = film(12)
JPEG = compressed(dataset(stored(12), 12), uid.JPEGLosslessSV1)
J2K = compressed(dataset(stored(12), 12), uid.JPEG2000Lossless)
JLS = compressed(dataset(stored(12), 12), uid.JPEGLSLossless)
RLE = compressed(dataset(stored(12), 12), uid.RLELossless)
PICTURES = [picture(stored(8)), picture(stored(8), "JPEG"), picture(stored(12), "TIFF")]


def preamble(program: bytes) -> bytes:
    return program.ljust(128, b"\0") + FILM[128:]


def nested(depth: int) -> bytes:
    """A file whose header opens sequences inside sequences, and never closes them."""
    opened = b"\x40\x00\x75\x02SQ\0\0" + b"\xff" * 4 + b"\xfe\xff\x00\xe0" + b"\xff" * 4
    head = FILM[: FILM.index(b"\x08\x00\x16\x00UI")]
    return head + opened * depth


def claiming(rows: int, columns: int) -> bytes:
    return as_bytes(dataset(stored(12), 12, Rows=rows, Columns=columns))


def stream_claiming(data: bytes, at: bytes, offset: int, size: bytes) -> bytes:
    """Rewrite the size inside a compressed stream, leaving the header as it is."""
    start = data.index(at) + offset
    return data[:start] + size + data[start + len(size) :]


def without(*keywords: str) -> bytes:
    return as_bytes(dataset(stored(12), 12, **dict.fromkeys(keywords)))


def floats(value: float | None = None) -> bytes:
    ds = dataset(stored(12), 12, PixelData=None)
    array = stored(12).astype(np.float32)
    array[3, 3] = array[3, 3] if value is None else value
    ds.BitsAllocated = 32
    for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
        delattr(ds, keyword)
    ds.FloatPixelData = array.tobytes()
    return as_bytes(ds)


def deflated_bomb() -> bytes:
    import zlib

    ds = dataset(stored(12), 12)
    ds.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    data = as_bytes(ds)
    start = 144 + int.from_bytes(data[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = b"\0" * (1 << 24)
    return data[:start] + b"".join(packer.compress(zeros) for _ in range(14)) + packer.flush()


FAULTS = {
    "no bytes": (b"", "file_empty"),
    "junk": (bytes(range(256)) * 20, "file_unreadable"),
    "text": ("Mô tả: hai phổi sáng đều.".encode() * 50, "file_unreadable"),
    "Thumbs.db": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4000, "file_unreadable"),
    "a zip": (b"PK\x03\x04" + b"\0" * 4000, "file_unreadable"),
    "PE preamble": (preamble(b"MZ\x90\0"), "executable_preamble"),
    "ELF preamble": (preamble(b"\x7fELF\x02"), "executable_preamble"),
    "script preamble": (preamble(b"#!/bin/sh\n"), "executable_preamble"),
    "DICM and nothing": (b"\0" * 128 + b"DICM", "file_truncated"),
    "cut in the header": (FILM[:600], "file_truncated"),
    "cut in the pixels": (FILM[:-5000], "file_truncated"),
    "cut lossless JPEG": (JPEG[:-5000], "file_truncated"),
    "cut JPEG 2000": (J2K[:-5000], "file_truncated"),
    "cut RLE": (RLE[:-5000], "file_truncated"),
    "65535 x 65535": (claiming(65535, 65535), "image_too_large"),
    "65535 x 2": (claiming(65535, 2), "image_too_small"),
    "more rows than pixels": (claiming(4000, 4000), "file_truncated"),
    "zero rows": (claiming(0, 200), "pixels_missing"),
    "JPEG of 65500 x 65500": (stream_claiming(JPEG, b"\xff\xc3", 5, b"\xff\xdc\xff\xdc"), "pixels_undecodable"),
    "JPEG of 164 bits": (stream_claiming(JPEG, b"\xff\xc3", 4, b"\xa4"), "pixels_undecodable"),
    "JPEG of 3 samples": (stream_claiming(JPEG, b"\xff\xc3", 9, b"\x03"), "pixels_undecodable"),
    "JPEG-LS of 65500 x 65500": (stream_claiming(JLS, b"\xff\xf7", 5, b"\xff\xdc\xff\xdc"), "pixels_undecodable"),
    "JPEG 2000 of 2^31": (stream_claiming(J2K, b"\xff\x4f\xff\x51", 8, struct.pack(">II", 2**31, 2**31)), "pixels_undecodable"),
    "a stream of another format": (JPEG.replace(b"\xff\xd8\xff\xc3", b"\x00\x01\x02\x03"), "pixels_undecodable"),
    "endless nesting": (nested(5000), "file_unreadable"),
    "deflated bomb": (deflated_bomb(), "image_too_large"),
    "several frames": (as_bytes(dataset(stored(12), 12, NumberOfFrames=3)), "multiframe"),
    "no pixels": (without("PixelData"), "pixels_missing"),
    "empty pixels": (as_bytes(dataset(stored(12), 12, PixelData=b"")), "pixels_missing"),
    "no photometric": (without("PhotometricInterpretation"), "photometric_unknown"),
    "a foreign photometric": (film(12, PhotometricInterpretation="HSV"), "photometric_unknown"),
    "no bits": (without("BitsAllocated"), "pixels_undecodable"),
    "7 bits allocated": (film(12, BitsAllocated=7), "pixels_undecodable"),
    "constant": (as_bytes(dataset(np.full((200, 200), 9, np.uint16), 12)), "pixels_constant"),
    "all padding": (as_bytes(dataset(np.full((200, 200), 9, np.uint16), 12, PixelPaddingValue=9)), "pixels_constant"),
    "a window beside the values": (film(12, WindowCenter=60000, WindowWidth=10), "pixels_constant"),
    "a window without end": (film(12, WindowCenter=2048, WindowWidth="1E99"), "pixels_constant"),
    "a window of 8 bits on 12": (film(12, WindowCenter=128, WindowWidth=256), "contrast_lost"),
    "a window of 16 bits on 12": (film(12, WindowCenter=32768, WindowWidth=65536), "contrast_lost"),
    "slope 0": (film(12, RescaleSlope=0, RescaleIntercept=0), "pixels_constant"),
    "tiny": (as_bytes(dataset(stored(12)[:32, :32], 12)), "image_too_small"),
    "pixels of 1 : 1000": (film(12, PixelSpacing=[0.001, 1]), "image_too_small"),
    "a negative": (as_bytes(dataset(stored(12, negative=True), 12)), "polarity_contradicts"),
    "NaN": (floats(float("nan")), "pixels_not_finite"),
    "infinity": (floats(float("inf")), "pixels_not_finite"),
    "an unknown transfer syntax": (FILM.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.7\0"), "pixels_undecodable"),
    "two transfer syntaxes": (FILM.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840\\10008.1.2.1\0"), "pixels_undecodable"),
    "NIfTI": (b"\x5c\x01\0\0".ljust(344, b"\0") + b"n+1\0" + b"\0" * 500, "modality_unsupported"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_reason(fault: str) -> None:
    data, reason = FAULTS[fault]
    with pytest.raises(Refused) as refusal:
        film_from(data)
    assert refusal.value.reason == reason
    assert "Nguy" not in str(refusal.value)
    assert "BN000123" not in str(refusal.value)


def test_a_float_image_without_fault_is_read() -> None:
    np.testing.assert_allclose(film_from(floats()).pixels / 65535, film_from(FILM).pixels / 65535, atol=0.01)


def test_claims_cost_no_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data in (claiming(65535, 65535), FAULTS["JPEG 2000 of 2^31"][0], FAULTS["JPEG of 65500 x 65500"][0]):
        with pytest.raises(Refused):
            film_from(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


def test_files_that_are_not_files(tmp_path: Path) -> None:
    loop = tmp_path / "Nguyen Van A.dcm"
    loop.symlink_to(loop)
    for location, reason in [
        (str(tmp_path / "absent Nguyen Van A.dcm"), "file_missing"),
        (str(loop), "file_missing"),
        (str(tmp_path), "file_unreadable"),
        (str(tmp_path / ("Nguyen Van A" * 50)), "file_missing"),
        ("", "file_missing"),
        ("Nguyen\0Van A", "file_missing"),
    ]:
        with pytest.raises(Refused) as refusal:
            read_film(location)
        assert refusal.value.reason == reason
        assert "Nguyen" not in str(refusal.value)


def test_a_broken_element_beside_the_pixels_does_no_harm() -> None:
    data = film(12, KVP="120", WindowCenter="2048", WindowWidth="4096").replace(b"120 ", b"1#0 ")
    np.testing.assert_array_equal(film_from(data).pixels, film_from(film(12, WindowCenter=2048, WindowWidth=4096)).pixels)


@pytest.mark.parametrize("value", [b"Na N", b"abc ", b"    "])
def test_a_window_that_is_no_number_counts_as_absent(value: bytes) -> None:
    data = film(12, WindowCenter="2048", WindowWidth="4096").replace(b"4096", value, 1)
    made = film_from(data)
    assert made.how["voi"] == "percentiles 0.5 99.5"


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from([FILM, J2K, JLS, RLE, picture(stored(8)), picture(stored(8), "JPEG"), picture(stored(12), "TIFF")]),
    st.data(),
)
def test_damage_anywhere_is_a_film_or_a_refusal(data: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(0, 4))):
        damaged[draw.draw(st.integers(0, len(damaged) - 1))] = draw.draw(st.integers(0, 255))
    try:
        made = film_from(bytes(damaged[: draw.draw(st.integers(0, len(damaged)))]), 64)
    except Refused:
        return
    assert made.pixels.dtype == np.uint16
    assert max(made.pixels.shape) <= 64


def test_reading_a_header_lets_no_warning_out(recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture) -> None:
    data = film(12, PatientBirthDate="19990230", StudyDate="someday", KVP="120").replace(b"120 ", b"1#0 ")
    ds = read(data)
    assert numbers(ds, "KVP") == []
    film_from(data)
    assert not recwarn.list
    assert not caplog.records
