"""Films with text burned in, drawn for tests and benchmarks: ways in which names and numbers stand on films, and the markers.

Every name, hospital and number is invented.  The kinds were written before anybody looked at what finds the text.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

WHITE = 65535
#: Names, ids, dates, hospitals and technique, none of a real person or place.
NAMES = ["NGUYEN VAN THU", "TRAN THI HONG THAM", "LE QUOC MINH ANH", "H'NIE BYA", "DOE, JANE", "PHAM DUC AN 1957"]
ACCENTED = ["Trần Thị Hồng Thắm", "Lê Đức Ửng", "Nguyễn Văn Thử", "ĐẶNG THỊ QUỲNH", "Vừ A Páo", "Phạm Ngọc Ẩn"]
NUMBERS = ["BN 00123456", "20190312-0071", "ID: 7743912", "079 055 123 456", "Acc 88.120.334", "24-000193"]
DATES = ["12/03/2019", "2019-03-12 14:05", "DOB 01.02.1957", "12 Mar 2019", "Ngay 3 thang 12", "14:05:22"]
HOSPITALS = ["BV DA KHOA THANH BINH", "City General Hospital", "PHONG KHAM AN TAM", "Khoa CDHA"]
HOSPITALS += ["ST. ELSEWHERE CLINIC", "TTYT HUYEN X"]
SHORT = ["THAM", "An", "Thu", "MINH", "HOA", "Bao"]
MARKERS = ["R", "L", "P", "T", "D", "G", "PA", "AP", "ERECT", "SUPINE", "PORTABLE", "R PA", "L AP", "R ERECT", "AP SUPINE"]
MARKERS += ["UPRIGHT", "AP PORTABLE", "L PA ERECT"]


@dataclass(frozen=True)
class Look:
    """How a text is drawn: cap height as a share of the film's height, place of its centre, angle, greys, blur in pixels."""

    height: float = 0.028
    place: tuple[float, float] = (0.2, 0.06)
    angle: float = 0.0
    ink: float | None = 1.0
    paper: float | None = None
    contrast: float = 0.0
    blur: float = 0.0
    font: str = "DejaVuSans.ttf"
    mirrored: bool = False
    noise: float = 0.0


#: Kind → the texts, which identify somebody or may, and how they look.
IDENTIFYING: dict[str, tuple[list[str], Look]] = {
    "white name at the top": (NAMES, Look()),
    "accents": (ACCENTED, Look()),
    "black on a white label": (NAMES, Look(ink=0.0, paper=1.0, place=(0.75, 0.07))),
    "white on a black label": (ACCENTED, Look(ink=1.0, paper=0.0, place=(0.72, 0.9))),
    "on the lung": (NAMES, Look(place=(0.3, 0.45))),
    "on the spine": (NUMBERS, Look(place=(0.5, 0.6))),
    "black on the abdomen": (NAMES, Look(ink=0.0, place=(0.5, 0.93))),
    "turned left": (NAMES, Look(angle=90, place=(0.05, 0.4))),
    "turned right": (NAMES, Look(angle=270, place=(0.95, 0.5))),
    "upside down": (NAMES, Look(angle=180, place=(0.7, 0.94))),
    "slanted": (NAMES, Look(angle=8, place=(0.3, 0.1))),
    "mirrored": (NAMES, Look(mirrored=True)),
    "small": (NAMES, Look(height=0.0125)),
    "smallest": (NUMBERS, Look(height=0.009, place=(0.8, 0.05))),
    "large": (NAMES, Look(height=0.06, place=(0.5, 0.1))),
    "low contrast": (NAMES, Look(ink=None, contrast=0.14)),
    "faint": (NUMBERS, Look(ink=None, contrast=0.07, place=(0.75, 0.92))),
    "blurred": (NAMES, Look(blur=2.0, height=0.03)),
    "noisy": (NUMBERS, Look(noise=0.12)),
    "dates and times": (DATES, Look(place=(0.82, 0.05), height=0.022)),
    "numbers": (NUMBERS, Look(place=(0.18, 0.95), height=0.022)),
    "hospitals": (HOSPITALS, Look(place=(0.5, 0.04))),
    "one short name": (SHORT, Look(place=(0.12, 0.05))),
    "mono": (DATES, Look(font="DejaVuSansMono.ttf", height=0.02, place=(0.8, 0.96))),
    "serif": (ACCENTED, Look(font="DejaVuSerif-Bold.ttf", place=(0.25, 0.95))),
}
#: Written after the kinds above had been tried, and before anybody looked at what these give.
LATER: dict[str, tuple[list[str], Look]] = {
    "steep": (NAMES[:3], Look(angle=30, place=(0.3, 0.2))),
    "letters apart": (["T R A N  T H I  T H U", "B N  0 0 4 1", "D O E"], Look(place=(0.3, 0.08))),
    "two lines": (["NGUYEN THI THU\n1957", "DOE JANE\nID 1234", "BV AN TAM\n12/03/2019"], Look(place=(0.25, 0.09))),
    "cut by the edge": (NAMES[:3], Look(place=(0.5, 0.0))),
    "dark on the lung": (NAMES[3:], Look(ink=0.0, place=(0.3, 0.4))),
    "oblique": (ACCENTED[:3], Look(font="DejaVuSans-Oblique.ttf", place=(0.7, 0.06))),
    "thin": (NAMES[3:], Look(font="DejaVuSans-ExtraLight.ttf", place=(0.3, 0.94))),
    "grey on grey": (NUMBERS[:3], Look(ink=0.45, paper=0.55, place=(0.6, 0.5))),
    "few figures": (["57", "3/12", "A1"], Look(place=(0.15, 0.06))),
    "turned and small": (DATES[:3], Look(angle=90, height=0.013, place=(0.04, 0.7))),
}
MARKER_LOOKS: dict[str, Look] = {
    "marker in a corner": Look(height=0.035, place=(0.1, 0.08)),
    "marker on the shoulder": Look(height=0.03, place=(0.88, 0.16), blur=0.8),
}


@functools.cache
def font(name: str, size: int) -> Any:
    """A font of this size in pixels; where the machine does not have it the one inside Pillow, which knows no accents."""
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return ImageFont.load_default(size)


def written(film: np.ndarray, text: str, look: Look, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The film with a text on it, and where its ink is.

    Parameters
    ----------
    film : ndarray
        uint16 (h, w), 65535 white.

    Returns
    -------
    tuple of ndarray
        uint16 (h, w), and bool (h, w): the ink.
    """
    height, width = film.shape
    size = max(6, round(look.height * height / 0.73))  # a capital of DejaVu is 0.73 em
    face = font(look.font, size)
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox((0, 0), text, font=face)
    pad = size // 2
    ink = Image.new("L", (int(right - left) + 2 * pad, int(bottom - top) + 2 * pad), 0)
    ImageDraw.Draw(ink).multiline_text((pad - left, pad - top), text, fill=255, font=face)
    ink = ImageOps.mirror(ink) if look.mirrored else ink
    ink = ink.rotate(look.angle, Image.Resampling.BICUBIC, expand=True) if look.angle else ink
    ink = ink.filter(ImageFilter.GaussianBlur(look.blur)) if look.blur else ink
    if look.place[1] == 0:  # cut by the film's upper edge
        ink = ink.crop((0, ink.height // 2, ink.width, ink.height))
    x = int(np.clip(look.place[0] * width - ink.width / 2, 0, max(0, width - ink.width)))
    y = int(np.clip(look.place[1] * height - ink.height / 2, 0, max(0, height - ink.height)))
    cover = np.zeros(film.shape, np.float32)
    shown = np.asarray(ink, np.float32)[: height - y, : width - x] / 255
    cover[y : y + shown.shape[0], x : x + shown.shape[1]] = shown
    out = film.astype(np.float32)
    if look.paper is not None:
        out[y : y + shown.shape[0], x : x + shown.shape[1]] = look.paper * WHITE
    if look.ink is None:
        out += cover * look.contrast * WHITE * (-1 if out[cover > 0].mean() > WHITE / 2 else 1)
    else:
        out += cover * (look.ink * WHITE - out)
    if look.noise:
        out += np.random.default_rng(seed).normal(0, look.noise * WHITE, out.shape).astype(np.float32)
    return np.clip(out, 0, WHITE).astype(np.uint16), cover > 0.35


def identifying() -> Iterator[tuple[str, str, Look]]:
    """(kind, text, look) of every text that has to go."""
    for kind, (texts, look) in {**IDENTIFYING, **LATER}.items():
        yield from ((kind, text, look) for text in texts)


def markers() -> Iterator[tuple[str, str, Look]]:
    """(kind, text, look) of every marker that has to stay."""
    for kind, look in MARKER_LOOKS.items():
        yield from ((kind, text, look) for text in MARKERS)
