"""Other tools' conventions give those tools' own values, to 1e-6, on whatever text comes."""

import logging
from importlib.metadata import version

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from docphim.errors import Refused, UsageError
from docphim.language.tokens import rule
from docphim.metrics import LEXICAL, metric
from docphim.metrics.measure import measure, table
from docphim.metrics.pairs import Pairs
from docphim.metrics.parity import CONVENTIONS, choose
from docphim.metrics.signature import check_comparable

logging.getLogger("sacrebleu").setLevel(logging.ERROR)

VI = "Bóng mờ tim không to. Quai động mạch chủ vồng, kích thước 12 x 14 mm (P)."
EN = "No pleural effusion; the 3.5-cm nodule isn't seen & the heart's normal."
ZH = "双肺纹理清晰,未见胸腔积液。"

#: What reports hold and what tools stumble over, as (reference, prediction).
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


def rouge_score(pairs, stemmer):
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=stemmer)
    suffix = "_stem" if stemmer else ""
    rows = [scorer.score(r, p) for r, p in pairs]
    return {key + suffix: [100 * row[key].fmeasure for row in rows] for key in rows[0]}


def sacrebleu(pairs):
    references, predictions = [[r for r, _ in pairs]], [p for _, p in pairs]
    return {
        "bleu": BLEU(force=True).corpus_score(predictions, references).score,
        "chrf2": CHRF().corpus_score(predictions, references).score,
        "chrf2pp": CHRF(word_order=2).corpus_score(predictions, references).score,
    }


def sacrebleu_sentences(pairs):
    metrics = {
        "sentence_bleu": BLEU(force=True, effective_order=True),
        "sentence_chrf2": CHRF(),
        "sentence_chrf2pp": CHRF(word_order=2),
    }
    return {key: [m.sentence_score(p, [r]).score for r, p in pairs] for key, m in metrics.items()}


def coco(pairs):
    references = {i: [r] for i, (r, _) in enumerate(pairs)}
    predictions = {i: [p] for i, (_, p) in enumerate(pairs)}
    corpus, rows = {}, {}
    values, own = Bleu().compute_score(references, predictions, verbose=0)
    for i in range(4):
        corpus[f"bleu{i + 1}"], rows[f"sentence_bleu{i + 1}"] = 100 * values[i], [100 * v for v in own[i]]
    scorers = {"rougeL": Rouge(), "cider": Cider()}
    if not any(r.split() for r, _ in pairs):
        del scorers["cider"]
    for key, scorer in scorers.items():
        value, own = scorer.compute_score(references, predictions)
        corpus[key], rows[key] = 100 * value, (100 * own).tolist()
    return corpus, rows


def same(theirs, found):
    for key, value in theirs.items():
        assert np.allclose(found[key], value, rtol=0, atol=1e-6), (key, found[key], value)


def check(pairs):
    for name, stemmer in (("rouge-score-default", False), ("rouge-score-stemmer", True)):
        values, studies = ours(name, pairs)
        theirs = rouge_score(pairs, stemmer)
        same(theirs, studies)
        same({key: np.mean(rows) for key, rows in theirs.items()}, values)
    values, studies = ours("sacrebleu-13a", pairs)
    sentences = sacrebleu_sentences(pairs)
    same(sentences, studies)
    same(sacrebleu(pairs) | {"sentence_bleu": np.mean(sentences["sentence_bleu"])}, values)
    values, studies = ours("coco", pairs)
    corpus, rows = coco(pairs)
    same(corpus, values)
    same(rows, studies)


@pytest.mark.parametrize("case", TABLE)
def test_every_tool_is_matched_on_one_pair(case):
    check([TABLE[case]])


def test_every_tool_is_matched_on_a_corpus():
    check(list(TABLE.values()))
    check(list(TABLE.values()) * 3)


@settings(max_examples=100, deadline=None)
@given(CORPUS)
@example([("tim to", "tim"), ("", "to"), ("tim", "")])
def test_every_tool_is_matched_on_any_text(pairs):
    check(pairs)


def test_published_traps_have_the_tools_own_values():
    values, _ = ours("sacrebleu-13a", [("bóng tim to", "bóng tim to")] * 3)
    assert values["bleu"] == 0
    assert values["sentence_bleu"] == pytest.approx(100)
    values, _ = ours("rouge-score-default", [("Tràn dịch màng phổi phải", "Trân dích mạng phồi phái")])
    assert values["rouge1"] == pytest.approx(100)
    assert ours("rouge-score-default", [(ZH, ZH)])[0]["rouge1"] == 0
    values, _ = ours("coco", [("", "")])
    assert values["rougeL"] == 100
    assert 0 < ours("coco", [("tim to nhẹ", "tim to nhẹ")])[0]["bleu4"] < 10


def test_cider_is_0_where_no_reference_says_anything_and_the_tool_stops():
    with pytest.raises(ValueError, match=r"max\(\)|empty"):
        Cider().compute_score({0: [""]}, {0: ["tim"]})
    assert ours("coco", [("", "tim")])[0]["cider"] == 0


@settings(max_examples=300, deadline=None)
@given(TEXT)
@example("a..b ,.3 1-2-3 .5,x\t. -")
def test_13a_tokens_are_sacrebleus(text):
    cut = rule("13a", "vi")
    assert [token for word in cut.units(text) for token in cut.cut(word)] == Tokenizer13a()(text.rstrip()).split()


def signatures(name):
    tokens, families = choose(name, "vi")
    return measure(Pairs(["tim to"], ["tim"], "vi", tokens), ["1"], resamples=10, seed=1, names=families or LEXICAL).signatures


def test_a_number_says_whose_convention_it_is():
    assert signatures("sacrebleu-13a")["bleu"].startswith(
        "docphim:bleu|corpus|convention:sacrebleu-13a|tool:sacrebleu-2.6.0|refs:1|norm:none|case:kept|tok:13a|punct:kept|smooth:exp|eff:no|n:1"
    )
    assert "|convention:coco|tool:pycocoevalcap-1.2|" in signatures("coco")["cider"]
    assert "|tok:blank|" in signatures("coco")["rougeL"]
    assert "|stem:porter|" in signatures("rouge-score-stemmer")["rougeL_stem"]


@pytest.mark.parametrize(
    ("one", "other", "key"),
    [("docphim", "coco", "bleu4"), ("docphim", "rouge-score-default", "rougeL"), ("coco", "rouge-score-default", "rougeL")],
)
def test_numbers_of_two_conventions_are_never_compared(one, other, key):
    with pytest.raises(Refused) as refusal:
        check_comparable([signatures(one)[key], signatures(other)[key]])
    assert refusal.value.reason == "signature_differs"


def test_the_installed_tools_are_the_signed_releases():
    for name, package in (("rouge_score", "rouge-score"), ("sacrebleu", "sacrebleu"), ("coco_bleu", "pycocoevalcap")):
        assert metric(name).SETTINGS["tool"] == f"{package}-{version(package)}"


def test_a_parity_number_has_an_interval_like_any_other():
    pairs = list(TABLE.values()) * 2
    for name in CONVENTIONS:
        tokens, families = choose(name, "vi")
        cut = Pairs([r for r, _ in pairs], [p for _, p in pairs], "vi", tokens)
        rows = table(measure(cut, [str(i) for i in range(len(pairs))], resamples=200, seed=1, names=families))
        for key, row in rows.items():
            assert row["low"] <= row["value"] + 1e-9, key
            assert row["value"] <= row["high"] + 1e-9, key
            assert row["low"] < row["high"] or row["value"] == 0, key


@pytest.mark.parametrize(
    ("name", "tokens", "said"),
    [
        ("coc", "syllable", "--convention coc: must be one of docphim, rouge-score-default"),
        ("coco", "word", "--tokens word: is for the convention docphim; coco cuts"),
        ("docphim", "13a", "--tokens 13a: must be one of syllable, word"),
    ],
)
def test_an_impossible_choice_is_refused_in_words(name, tokens, said):
    with pytest.raises(UsageError, match=said):
        choose(name, "vi", tokens)
