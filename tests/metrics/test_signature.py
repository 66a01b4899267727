"""A signature names every choice, and numbers of different choices are not compared."""

import shutil
from pathlib import Path

import pytest

from docphim import __version__, language
from docphim.errors import Refused
from docphim.language.tokens import syllables
from docphim.metrics import METRICS, PARITY, label_sets, metric
from docphim.metrics.signature import check_comparable, read_by, reading, signature

BLEU4 = (
    "docphim:bleu4|corpus|refs:1|norm:nfc+tone-old|case:lower|tok:syllable|punct:drop|smooth:none|eff:no|empty:0"
    "|n:540|bs:1000|seed:12345|v:0.1"
)


def sign(key="bleu4", name="bleu", language="vi", **sample):
    kind = metric(name)
    settings = {**syllables(language).signed, **kind.SETTINGS}
    return signature(key, kind.AVERAGE, settings, **{"n": 540, "resamples": 1000, "seed": 12345} | sample)


def test_bleu_is_signed_as_the_convention_says():
    assert sign() == BLEU4.replace("v:0.1", "v:" + ".".join(__version__.split(".")[:2]))


def test_chinese_is_signed_as_characters():
    assert "|tok:char|" in sign(language="zh")


def test_no_two_keys_share_a_signature():
    signs = [sign(key, name) for name in (*METRICS, *PARITY, *label_sets()) for key in metric(name).KEYS]
    assert len(set(signs)) == len(signs)


def test_samples_of_one_convention_are_comparable():
    check_comparable([sign(), sign(n=12, resamples=None), sign(seed=3)])


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (sign("bleu3"), "docphim:bleu4 is compared with docphim:bleu3"),
        (sign(language="zh"), "tok:syllable is compared with tok:char"),
        (sign("bleu4", "coco_bleu"), "no convention is compared with convention:coco"),
        (sign() + "|more:1", "no more is compared with more:1"),
    ],
)
def test_different_conventions_are_refused_by_the_field_that_differs(other, named):
    with pytest.raises(Refused, match=named) as refusal:
        check_comparable([sign(), other])
    assert refusal.value.reason == "signature_differs"


@pytest.fixture
def words(tmp_path, monkeypatch):
    """A copy of docphim/language that signatures are made from; `words(NAME)` changes a file of it, and says what it was."""
    folder = tmp_path / "language"
    shutil.copytree(Path(language.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(language, "__file__", str(folder / "__init__.py"))

    def signed(changed="", content=b"\n# one more line\n"):
        if changed:
            (folder / changed).write_bytes((folder / changed).read_bytes() + content)
        return read_by.__wrapped__("vi", "vindr")

    signed.folder = folder
    return signed


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ("lexicon/concepts.yaml", "lexicon"),
        ("lexicon/vi.yaml", "lexicon"),
        ("labels/vindr.yaml", "lexicon"),
        ("read/grammar/vi.yaml", "lexicon"),
        ("read/grammar/common.yaml", "lexicon"),
        ("read/scope.py", "reader"),
        ("read/atoms/place.py", "reader"),
        ("read/grammar/en.yaml", None),
        ("labels.py", "reader"),
        ("normalize.py", "reader"),
        ("lexicon/en.yaml", None),
        ("labels/chexpert.yaml", None),
    ],
)
def test_whatever_facts_and_labels_are_read_with_is_signed(words, changed, field):
    before, after = words(), words(changed)
    assert {name for name in before if before[name] != after[name]} == ({field} if field else set())


def test_line_ends_of_a_checkout_are_no_other_lexicon(words):
    before = words()
    for path in (words.folder / "lexicon").iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert words() == before


def test_numbers_of_two_lexicons_or_readers_are_not_compared():
    for field in ("lexicon", "reader"):
        with pytest.raises(Refused, match=f"{field}:1 is compared with {field}:2"):
            check_comparable([f"docphim:fact_f1|corpus|{field}:{n}|n:5" for n in (1, 2)])


@pytest.mark.parametrize("changed", ["labels/ct_rate.yaml", "labels/ct_rate_clinical.yaml"])
def test_another_reading_of_a_set_signs_both_tables(changed):
    assert changed in reading("vi", ["ct_rate_clinical"])
    assert "labels/ct_rate_clinical.yaml" not in reading("vi", ["ct_rate"])
