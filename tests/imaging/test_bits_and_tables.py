"""Bits outside the stored ones, short look-up tables, films with nothing on them, decoders that print or do not end."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import struct
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from chest_films import as_bytes, chest, compressed, dataset, picture, stored
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from docphim.errors import Refused
from docphim.imaging import limits
from docphim.imaging.film import film_from
from docphim.imaging.io import bounded, pixels
from docphim.imaging.io.bits import stored_bits

WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}
EXPECTED = np.clip(chest() / 1.05, 0, 1)
LOSSLESS = [None, uid.RLELossless, uid.JPEG2000Lossless, uid.JPEGLSLossless, uid.JPEGLosslessSV1]
ROWS, COLUMNS = np.mgrid[0:240, 0:200]


def file_of(words: np.ndarray, syntax: uid.UID | None, bits: int = 12, **tags: object) -> bytes:
    """A film whose words use all 16 bits, though its header says fewer."""
    ds = dataset(words, 16, **tags)
    if syntax is None:
        ds.BitsStored, ds.HighBit = bits, bits - 1
        return as_bytes(ds)
    data = compressed(ds, syntax)
    for element, value, other in ((b"\x28\0\1\1US\2\0", 16, bits), (b"\x28\0\2\1US\2\0", 15, bits - 1)):
        assert data.count(element + bytes([value, 0])) == 1
        data = data.replace(element + bytes([value, 0]), element + bytes([other, 0]))
    return data


OVERLAYS = {
    "every bit of a word": (0xA000, np.ones_like(ROWS, bool)),
    "stripes": (0x1000, ROWS % 16 == 0),
    "a box": (0x8000, (ROWS > 20) & (ROWS < 60) & (COLUMNS > 30) & (COLUMNS < 90)),
    "text": (0x4000, (ROWS // 3 * 7 + COLUMNS // 2 * 5) % 11 < 3),
    "two planes": (0x3000, (ROWS + COLUMNS) % 40 < 3),
}


@pytest.mark.parametrize("syntax", LOSSLESS, ids=str)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_lies_above_the_stored_bits_is_masked(overlay: str, syntax: uid.UID | None) -> None:
    bit, where = OVERLAYS[overlay]
    words = stored(12) | np.where(where, bit, 0).astype(np.uint16)
    made = film_from(file_of(words, syntax, **WINDOW))
    np.testing.assert_allclose(made.pixels / 65535, EXPECTED, atol=0.001)


@pytest.mark.parametrize("syntax", LOSSLESS, ids=str)
@pytest.mark.parametrize("bits", [10, 11, 13])
def test_values_that_need_more_bits_than_the_header_says_are_refused(bits: int, syntax: uid.UID | None) -> None:
    with pytest.raises(Refused, match=f"more than the {bits} bits") as refusal:
        film_from(file_of(stored(14), syntax, bits))
    assert refusal.value.reason == "pixels_undecodable"


def of_12_bit_jpeg(words: np.ndarray, bits: int, **tags: object) -> bytes:
    """A lossy JPEG of 12 bits whose header says fewer."""
    data = compressed(dataset(words, 12, **tags), uid.JPEGExtended12Bit)
    for element, value, other in ((b"\x28\0\1\1US\2\0", 12, bits), (b"\x28\0\2\1US\2\0", 11, bits - 1)):
        assert data.count(element + bytes([value, 0])) == 1
        data = data.replace(element + bytes([value, 0]), element + bytes([other, 0]))
    return data


@pytest.mark.parametrize("bits", [9, 10, 11])
def test_a_jpeg_of_12_bits_whose_header_says_fewer_is_refused_or_masked(bits: int) -> None:
    with pytest.raises(Refused, match=f"more than the {bits} bits"):
        film_from(of_12_bit_jpeg(stored(12), bits))
    drawn = stored(9) + np.where((ROWS > 100) & (ROWS < 140), 1 << bits, 0).astype(np.uint16)
    made = film_from(of_12_bit_jpeg(drawn, bits, WindowCenter=256, WindowWidth=512)).pixels / 65535
    apart = np.abs(made - EXPECTED)[np.abs(ROWS - 120) < 12]
    assert np.median(apart) < 0.02


def test_an_overlay_that_the_header_places_is_masked_whatever_it_looks_like() -> None:
    ds = dataset(stored(14), 16)
    ds.BitsStored, ds.HighBit = 12, 11
    with pytest.raises(Refused):
        stored_bits(stored(14), ds)
    ds.add_new((0x6002, 0x0102), "US", 12)
    np.testing.assert_array_equal(stored_bits(stored(14), ds), stored(14) & 0x0FFF)


def test_signed_values_lose_their_upper_bits_and_keep_their_sign() -> None:
    words = (stored(12, signed=True).view(np.uint16) & 0x0FFF) | np.where(ROWS % 16 == 0, 0x1000, 0).astype(np.uint16)
    data = file_of(words.view(np.int16), None, WindowCenter=0, WindowWidth=4096)
    np.testing.assert_allclose(film_from(data).pixels / 65535, EXPECTED, atol=0.001)


def table(words: list[int], count: int, bits: int) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [count, 0, bits]
    item.add_new("LUTData", "US", words)
    return item


CURVE = np.linspace(0, 4095, 4096).astype(int).tolist()
BYTES = (np.arange(4096) // 16).astype(np.uint8)


@pytest.mark.parametrize("kind", ["VOILUTSequence", "ModalityLUTSequence"])
@pytest.mark.parametrize(
    ("words", "bits"),
    [
        (CURVE[:4000], 12),
        (CURVE[:4095], 16),
        (CURVE[:2048], 16),
        (CURVE[:2048], 12),
        (CURVE[:2048], 0),
        (CURVE[:4000], 8),
        (CURVE[:2047], 8),
        (CURVE[:1], 8),
        (CURVE[:3000], 10),
    ],
)
def test_a_table_shorter_than_it_says_is_refused(kind: str, words: list[int], bits: int) -> None:
    with pytest.raises(Refused, match="look-up table says 4096") as refusal:
        film_from(as_bytes(dataset(stored(12), 12, **{kind: [table(words, 4096, bits)]})))
    assert refusal.value.reason == "pixels_undecodable"


@pytest.mark.parametrize("kind", ["VOILUTSequence", "ModalityLUTSequence"])
@pytest.mark.parametrize(
    ("words", "bits"),
    [(CURVE, 12), (CURVE, 8), ([*CURVE, 0, 0], 12), (np.frombuffer(BYTES.tobytes(), "<u2").tolist(), 8)],
)
def test_a_whole_table_of_words_or_of_two_bytes_a_word_is_read(kind: str, words: list[int], bits: int) -> None:
    window = {} if kind == "VOILUTSequence" else {"WindowCenter": max(words) / 2, "WindowWidth": max(words)}
    if kind == "ModalityLUTSequence" and bits == 8 and len(words) == 2048:
        window = {"WindowCenter": 127.5, "WindowWidth": 256}
    made = film_from(as_bytes(dataset(stored(12), 12, **{kind: [table(words, 4096, bits)]}, **window)))
    np.testing.assert_allclose(made.pixels / 65535, EXPECTED, atol=0.006)


def covered(share: float) -> bytes:
    """A picture of which the upper part is transparent."""
    image = Image.fromarray(np.repeat(stored(8)[:, :, None], 3, axis=2)).convert("RGBA")
    alpha = np.full((240, 200), 255, np.uint8)
    alpha[: round(240 * share)] = 0
    image.putalpha(Image.fromarray(alpha))
    return picture(image)


GREY = stored(8)
COLOURED = np.repeat(GREY[:, :, None], 3, axis=2)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (covered(1), "pixels_constant"),
        (covered(0.98), "contrast_lost"),
        (picture(np.where(COLOURED > 120, 255, 0).astype(np.uint8)), "contrast_lost"),
        (picture((COLOURED // 64 + 100).astype(np.uint8)), "contrast_lost"),
        (as_bytes(dataset(np.where(COLOURED > 120, 255, 0).astype(np.uint8), 8)), "contrast_lost"),
        (as_bytes(dataset((COLOURED // 64 + 100).astype(np.uint8), 8)), "contrast_lost"),
        (as_bytes(dataset(np.full((240, 200, 3), 9, np.uint8), 8)), "pixels_constant"),
        (picture(Image.fromarray(COLOURED).convert("RGBA").resize((300, 300)), "TIFF"), None),
    ],
)
def test_the_finished_film_is_looked_at(data: bytes, reason: str | None) -> None:
    if reason is None:
        assert film_from(data).pixels.std() > 0
        return
    with pytest.raises(Refused) as refusal:
        film_from(data)
    assert refusal.value.reason == reason


def runs_of_one() -> bytes:
    """RLE in which every byte is a run of its own, twice as long as the image."""
    planes = (stored(12) >> 8, stored(12) & 255)
    segments = [np.stack([np.zeros_like(plane), plane], axis=-1).astype(np.uint8).tobytes() for plane in planes]
    ds = dataset(stored(12), 12, **WINDOW)
    starts = struct.pack("<16I", 2, 64, 64 + len(segments[0]), *[0] * 13)
    ds.PixelData = encapsulate([starts + b"".join(segments)])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    ds.file_meta.TransferSyntaxUID = uid.RLELossless
    return as_bytes(ds)


JPEGLS = compressed(dataset(stored(12), 12, **WINDOW), uid.JPEGLSLossless)
SLOW = {
    "JPEG-LS": JPEGLS,
    "JPEG 2000": compressed(dataset(stored(12), 12, **WINDOW), uid.JPEG2000Lossless),
    "RLE, longer than the image": runs_of_one(),
}


@pytest.mark.parametrize("data", SLOW.values(), ids=SLOW)
def test_decoding_that_takes_too_long_is_ended_and_the_next_film_is_read(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(limits, "MAX_SECONDS", 0.0)
        with pytest.raises(Refused) as refusal:
            film_from(data)
    assert refusal.value.reason == "decoding_too_slow"
    np.testing.assert_allclose(film_from(data).pixels / 65535, EXPECTED, atol=0.001)


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLosslessSV1], ids=str)
def test_a_film_larger_than_any_detector_is_decoded_where_it_can_be_ended(
    syntax: uid.UID, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = compressed(dataset(stored(12), 12, **WINDOW), syntax)
    monkeypatch.setattr(limits, "MAX_SECONDS", 0.0)
    assert film_from(data).pixels.shape == (240, 200)
    monkeypatch.setattr(pixels, "_LARGE", 240 * 200 - 1)
    with pytest.raises(Refused, match="decoding_too_slow"):
        film_from(data)


@pytest.mark.parametrize(("scans", "reason"), [(20, None), (100, "decoding_too_slow")])
@pytest.mark.parametrize("inside", ["a picture", "DICOM"])
def test_a_jpeg_of_more_scans_than_encoders_write_is_refused(scans: int, reason: str | None, inside: str) -> None:
    plain = picture(stored(8), "JPEG", progressive=True)
    last = plain[plain.rindex(b"\xff\xda") : -2]
    data = plain[:-2] + last * scans + plain[-2:]
    if inside == "DICOM":
        ds = dataset(stored(8), 8)
        ds.PixelData = encapsulate([data])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
        ds.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
        data = as_bytes(ds)
    if reason is None:
        assert film_from(data).pixels.shape == (240, 200)
        return
    with pytest.raises(Refused, match=reason):
        film_from(data)


def test_work_that_does_not_end_is_ended_after_its_seconds() -> None:
    start = time.monotonic()
    with pytest.raises(Refused, match=r"after 0\.2 s"):
        bounded.array_of(time.sleep, 60, 0.2)
    assert time.monotonic() - start < 30


@pytest.mark.parametrize(("function", "argument"), [(os._exit, 3), (int, "no number")])
def test_work_that_fails_or_kills_its_process_is_a_refusal(function: object, argument: object) -> None:
    with pytest.raises(Refused) as refusal:
        bounded.array_of(function, argument, 20)
    assert refusal.value.reason == "pixels_undecodable"
    np.testing.assert_array_equal(bounded.array_of(np.arange, 5, 20), np.arange(5))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="signals of POSIX")
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, SystemExit], ids=lambda error: error.__name__)
def test_a_film_whose_decoding_was_interrupted_is_not_the_answer_to_the_next(error: type[BaseException]) -> None:
    def interrupt(number: int, frame: object) -> None:
        raise error

    bounded.array_of(np.arange, 1, 20)  # so that what is interrupted is no start
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(error):
            bounded.array_of(time.sleep, 0.5, 20)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    np.testing.assert_array_equal(bounded.array_of(np.arange, 5, 20), np.arange(5))


@pytest.mark.parametrize("error", [MemoryError, ValueError, AttributeError, EOFError, KeyboardInterrupt])
def test_an_answer_that_cannot_be_taken_is_not_the_answer_to_the_next(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(pipe: object) -> None:
        raise error

    bounded.array_of(np.arange, 1, 20)
    with monkeypatch.context() as patched:
        patched.setattr(bounded, "pickle", SimpleNamespace(dump=pickle.dump, load=fail, UnpicklingError=pickle.UnpicklingError))
        with pytest.raises((Refused, error)):
            bounded.array_of(np.arange, 7, 20)
    np.testing.assert_array_equal(bounded.array_of(np.arange, 5, 20), np.arange(5))


@pytest.mark.parametrize("number", [-1, 0, 10**9])
def test_the_answer_to_another_question_is_never_taken(number: int) -> None:
    bounded.array_of(np.arange, 1, 20)
    questions = bounded._HELPER[0].stdin
    pickle.dump((number, np.arange, 7), questions)
    questions.flush()
    with pytest.raises(Refused, match="another film"):
        bounded.array_of(np.arange, 5, 20)
    np.testing.assert_array_equal(bounded.array_of(np.arange, 5, 20), np.arange(5))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX")
def test_a_forked_process_decodes_by_a_process_of_its_own() -> None:
    code = """
import os, sys
import numpy as np
from docphim.imaging.io.bounded import _HELPER, array_of
array_of(np.arange, 1, 20)
children = []
for number in range(2, 5):
    child = os.fork()
    if not child:
        right = not _HELPER and all(len(array_of(np.arange, number, 20)) == number for _ in range(20))
        os._exit(0 if right and _HELPER else 1)
    children.append(child)
right = all(len(array_of(np.arange, 9, 20)) == 9 for _ in range(20))
sys.exit(any(os.waitpid(child, 0)[1] for child in children) or not right)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_patient_is_handed_to_the_process_that_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(function: object, part: Dataset, seconds: float) -> np.ndarray:
        assert {element.tag.group for element in part} == {0x0028, 0x7FE0}
        return pixels._plain_array(part)

    monkeypatch.setattr(pixels, "array_of", look)
    film_from(JPEGLS)


def test_a_script_without_a_guard_reads_such_films_once(tmp_path) -> None:
    """multiprocessing would run the script again in its process."""
    (tmp_path / "film.dcm").write_bytes(JPEGLS)
    script = tmp_path / "script.py"
    code = "from docphim.imaging.film import read_film\nprint(read_film(r'{}').pixels.shape)\n"
    script.write_text(code.format(tmp_path / "film.dcm"), encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("(240, 200)\n", "")


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.RLELossless], ids=str)
def test_decoders_print_nothing_in_this_process_either(syntax: uid.UID, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(compressed(dataset(stored(12), 12), syntax))
    for cut in range(2, 12):
        damaged = data[:]
        at = len(data) - len(data) * cut // 14
        damaged[at : at + 40] = b"\x55" * 40
        with contextlib.suppress(Refused):
            film_from(bytes(damaged))
    assert capfd.readouterr() == ("", "")


def test_stderr_is_there_again_after_decoding(capfd: pytest.CaptureFixture[str]) -> None:
    with bounded.silent():
        os.write(2, b"a decoder complains")
    os.write(2, b"docphim speaks")
    assert capfd.readouterr().err == "docphim speaks"
