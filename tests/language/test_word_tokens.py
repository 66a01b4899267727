"""Words of several syllables under the `[vi]` extra: by what underthesea 9.5 answered, and by itself where it is installed."""

import re
import subprocess
import sys
import types

import pytest

from docphim.errors import UsageError
from docphim.language.tokens import rule
from docphim.metrics import rouge
from docphim.metrics.pairs import Pairs

REFERENCE = (
    "Lồng ngực cân đối không thấy bất thường xương. Phổi hai bên kém sáng mờ kính rải rác rốn phổi tăng đậm nhẹ. "
    "Bờ vòm hoành hai bên đều hai góc sườn hoành nhọn. Bóng mờ tim không to. Quai động mạch chủ vồng."
)
PREDICTION = (
    "Phổi hai bên kém sáng mờ kính rải rác rốn phổi tăng đậm nhẹ. Bờ vòm hoành hai bên đều hai góc sườn hoành nhọn. "
    "Bóng mờ tim không to. Vôi hóa thành quai động mạch chủ."
)
#: The words of several syllables that underthesea 9.5.0 sees in the texts below.
ANSWERED = ("quai động mạch", "Quai động mạch", "chủ vồng", "cân đối", "bất thường", "rải rác", "hoành nhọn", "5,2")
_CUT = re.compile("|".join([*ANSWERED, r"\w+", r"[^\w\s]"]))


@pytest.fixture(params=["answered", "installed"])
def words(request, monkeypatch):
    if request.param == "installed":
        pytest.importorskip("underthesea", reason="underthesea is not installed: pip install --group peers")
    else:
        answers = types.ModuleType("underthesea")
        answers.word_tokenize = lambda text, use_token_normalize: _CUT.findall(text)
        monkeypatch.setitem(sys.modules, "underthesea", answers)
        monkeypatch.setattr("docphim.language.words.version", {"underthesea": "9.5.0"}.__getitem__)
    return rule("word", "vi")


def test_words_are_lower_case_joined_syllables_without_punctuation(words):
    assert words.cut("Tim to, 5,2 (P). Khoẻ; quai động mạch") == ["tim", "to", "5_2", "p", "khỏe", "quai_động_mạch"]
    assert words.cut(" ... ") == []


def test_the_segmenter_and_its_version_are_signed(words):
    assert words.signed["tok"] == "word-underthesea-9.5.0"


def test_words_give_the_golden_value_of_the_paper_pair(words):
    sums = rouge.statistics(Pairs([REFERENCE], [PREDICTION], "vi", "word")).sum(axis=0)
    assert round(rouge.aggregate(sums)[0], 2) == 82.86


def test_a_run_that_is_no_word_stays_one_token_for_the_segmenter_would_take_minutes_over_it(words):
    assert [len(token) for token in words.cut("tim " + "a.b." * 20_000 + " to")] == [3, 79_999, 2]


def test_words_are_for_vietnamese():
    with pytest.raises(UsageError, match="word: is for vi, not for en"):
        rule("word", "en")


@pytest.mark.parametrize(("name", "package", "extra"), [("word", "underthesea", "vi"), ("rouge-score-stemmer", "nltk", "stem")])
def test_a_missing_package_is_named_with_the_command_that_installs_it(name, package, extra):
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from docphim.errors import UsageError\nfrom docphim.language.tokens import rule\n"
        f"try:\n    rule({name!r}, 'vi')\nexcept UsageError as error:\n    print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert package in said
    assert f"pip install 'docphim[{extra}]'" in said
