"""What a scanner's words say of a series: its kernel soft or sharp, contrast medium or none, which part, breathed in or out."""

from __future__ import annotations

import re
from pathlib import Path

from docphim.imaging.header_words import bare, names_chest, plain
from docphim.package_data import packaged

_TABLE = Path(__file__).with_suffix(".yaml")
#: Soft kernels come first where several may be read.
_ORDER = ("soft", "unknown", "sharp")
#: Slices of a share more or less than the thickness asked for are of that thickness.
_THICKNESS = 0.2


def kernel_kind(kernel: str) -> str:
    r"""`soft`, `sharp` or `unknown`, by the first of a kernel's values: `Br40d\3` is soft."""
    return next((kind for kind in ("soft", "sharp") if _any(kind, kernel.partition("\\")[0])), "unknown")


def kernel_rank(kernel: str) -> int:
    """0 for a soft kernel, 1 where nobody knows, 2 for a sharp one."""
    return _ORDER.index(kernel_kind(kernel))


def is_of_thickness(thickness: float, asked: float) -> bool:
    """Whether slices are as thick as asked for, within a fifth (both in mm)."""
    return abs(thickness - asked) <= _THICKNESS * asked


def phase_of(agent: str, description: str) -> str:
    """`native`, `contrast`, or '' where neither the agent nor the series' description says which.

    >>> phase_of("Không", ""), phase_of("N/A", "Ngực trước tiêm"), phase_of("Xenetix 350", "")
    ('native', 'native', 'contrast')
    """
    if plain(agent) and not _any("agent_silent", plain(agent)):
        return "native" if _any("agent_none", plain(agent)) or _any("native", _spoken(agent)) else "contrast"
    words = _without("both_phases", _spoken(description))
    return next((phase for phase in ("native", "contrast") if _any(phase, words)), "")


def of_another_part(description: str, body_part: str, protocol: str) -> bool:
    """Whether a series' words name another part of the body than the chest; what lies nearest to the series counts first.

    `Phổi` in a description names a window of an abdomen too, where BodyPartExamined says that it is one.

    >>> of_another_part("ABDOMEN 5.0", "CHEST", ""), of_another_part("Lung 1.0", "ABDOMEN", "")
    (True, True)
    """
    texts = [plain(text) for text in (description, body_part, protocol)]
    if _any("window_of_lung", texts[0]) and _names_other(texts[1]):
        del texts[0]
    for words in texts:
        if names_chest(_without("bases_of_lung", words)):
            return False
        if _names_other(words):
            return True
    return False


def breathed_out(description: str) -> bool:
    """Whether a series' words say that it shows expiration alone."""
    words = plain(description)
    return _any("expiration", words) and not _any("inspiration", words)


def _names_other(words: str) -> bool:
    return not names_chest(_without("bases_of_lung", words)) and _any("other_parts", words)


def _spoken(text: str) -> str:
    """Words with the signs that mean something: `C-`, `C+`, `w/o`."""
    return re.sub(r"[_\s]+", " ", bare(text))


def _without(name: str, words: str) -> str:
    for pattern in packaged(_TABLE)[name]:
        words = re.sub(pattern, " ", words, flags=re.IGNORECASE)
    return " ".join(words.split())


def _any(name: str, text: str) -> bool:
    return any(re.search(pattern, text, re.IGNORECASE) for pattern in packaged(_TABLE)[name])
