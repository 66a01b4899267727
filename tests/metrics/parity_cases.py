"""What reports hold and what tools stumble over; Docphim's values of it under another tool's convention."""

import numpy as np
from hypothesis import strategies as st

from docphim.metrics.measure import measure
from docphim.metrics.pairs import Pairs
from docphim.metrics.parity import choose

VI = "Bóng mờ tim không to. Quai động mạch chủ vồng, kích thước 12 x 14 mm (P)."
EN = "No pleural effusion; the 3.5-cm nodule isn't seen & the heart's normal."
ZH = "双肺纹理清晰,未见胸腔积液。"

#: By name, as (reference, prediction).
TABLE = {
    "Vietnamese": (VI, "Bóng mờ tim to. Vôi hóa quai động mạch chủ, kích thước 1,2 x 1.4 mm."),
    "English": (EN, "The heart is normal; a 3.5 cm nodules were seen, effusions too."),
    "Chinese": (ZH, "双肺纹理增粗,可见胸腔积液。"),
    "mixed": (f"{VI} {EN} {ZH}", f"{ZH} {VI}"),
    "three tokens": ("bóng tim to", "bóng tim to"),
    "one token": ("tim", "tim"),
    "empty prediction": (VI, ""),
    "empty reference": ("", VI),
    "both empty": ("", ""),
    "blanks only": ("   ", " \t "),
    "punctuation only": ("... --- !?", "... !? ,,,"),
    "digits": ("12 14 5,2 5.2 1-2 10-12", "12 5,2 1-2 2-1 14 10 - 12"),
    "said more often": ("tim to tim nhẹ", "tim tim tim to to to"),
    "short words": ("it has gas", "its ha ga"),
    "decomposed": ("hoà không", "hoà không"),
    "blanks in rows": ("tim  to   phổi", " tim to  phổi "),
    "lines": ("tim to\nphổi-\nsáng\r\n", "tim to phổi-sáng\n"),
    "entities": ("a &lt; b &amp;quot; &quot;c&quot;", 'a < b &quot; "c"'),
    "skipped": ("tim <skipped> to", "tim to"),
    "case": ("TIM To", "tim to"),
    "underscores": ("_a_ b_ (c) (d", "a b c d"),
    "capital with a dot": ("İ K ſ", "i k s"),
}

WORDS = "tim to không phổi Phổi nodules nodule the 双肺 清晰 12 5,2 3.5 - . , (P) &amp; &lt; <skipped> _ x. .. 's … ð"
PIECES = st.sampled_from(WORDS.split(" ")) | st.sampled_from(["a-\n", "", " ", "\n", "\t", "\u0300", "\x1c", "\u3000"])
TEXT = st.lists(PIECES, max_size=12).flatmap(
    lambda parts: st.sampled_from([" ", ""]).map(lambda blank: blank.join(parts))
) | st.text(max_size=20)
CORPUS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6)


def ours(name, pairs):
    tokens, families = choose(name, "vi")
    cut = Pairs([r for r, _ in pairs], [p for _, p in pairs], "vi", tokens)
    found = measure(cut, [str(i) for i in range(len(pairs))], resamples=10, seed=1, names=families)
    return found.values, found.studies


def same(theirs, found):
    for key, value in theirs.items():
        assert np.allclose(found[key], value, rtol=0, atol=1e-6), (key, found[key], value)


def corpora():
    """Every case alone, all of them together, and all of them three times."""
    return {name: [pair] for name, pair in TABLE.items()} | {
        "all": list(TABLE.values()),
        "all, 3 times": list(TABLE.values()) * 3,
    }
