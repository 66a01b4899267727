"""Other tools' conventions give those tools' own values, to 1e-6, on whatever text comes."""

import json
import logging
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from parity_cases import CORPUS, TABLE, TEXT, ZH, corpora, ours, same
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
COCO_VALUES = Path(__file__).with_name("coco_values.json")


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


@pytest.mark.parametrize("name", corpora())
def test_rouge_score_and_sacrebleu_are_matched(name):
    check(corpora()[name])


@settings(max_examples=100, deadline=None)
@given(CORPUS)
@example([("tim to", "tim"), ("", "to"), ("tim", "")])
def test_rouge_score_and_sacrebleu_are_matched_on_any_text(pairs):
    check(pairs)


@pytest.mark.parametrize("name", corpora())
def test_coco_is_matched_by_the_values_that_it_gave(name):
    """`coco_values.json` is what pycocoevalcap 1.2 gave; test_parity_coco.py runs it where it is installed."""
    values, studies = ours("coco", corpora()[name])
    kept = json.loads(COCO_VALUES.read_text(encoding="utf-8"))[name]
    same(kept["corpus"], values)
    same(kept["reports"], studies)


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
    for name, package in (("rouge_score", "rouge-score"), ("sacrebleu", "sacrebleu")):
        assert metric(name).SETTINGS["tool"] == f"{package}-{version(package)}"


def test_a_parity_number_has_an_interval_like_any_other():
    pairs = list(TABLE.values()) * 2
    for name in CONVENTIONS:
        tokens, families = choose(name, "vi")
        cut = Pairs([r for r, _ in pairs], [p for _, p in pairs], "vi", tokens)
        rows = table(measure(cut, [str(i) for i in range(len(pairs))], resamples=200, seed=1, names=families))
        for key, row in rows.items():
            assert row.low <= row.value + 1e-9, key
            assert row.value <= row.high + 1e-9, key
            assert row.low < row.high or row.value == 0, key


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
