"""What must not change the facts of a report, and what must change just the ones it is about."""

import csv
import random
import unicodedata
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from docphim.language.facts import LANGUAGES, facts
from docphim.language.lexicon import load_lexicon
from docphim.language.read.sentence import by_parts, facts_by
from docphim.language.read.tables import load_grammar

few = settings(max_examples=60, deadline=None)

SIDES = st.sampled_from(["phải", "trái"])
GRADES = st.sampled_from(["ít", "vừa", "nhiều"])
MILLIMETRES = st.integers(3, 60)

#: Clauses that name their anatomy, as pieces: a string stands, a strategy is drawn.  The field is what the drawn word says.
PLAIN = ["bóng tim to", "bóng mờ tim không to", "trung thất không rộng", "khí quản không lệch", "lồng ngực cân đối",
         "quai động mạch chủ vồng", "cột sống vẹo", "xẹp đốt sống D12"]  # fmt: skip
SIDED = ["góc sườn hoành {side} tù", "góc sườn hoành {side} nhọn", "vòm hoành {side} cao", "rốn phổi {side} tăng đậm",
         "màng phổi {side} dày", "nốt mờ thùy trên phổi {side}", "đông đặc thùy dưới phổi {side}", "gãy xương đòn {side}",
         "tràn dịch màng phổi {side}", "dải xơ đỉnh phổi {side}", "tuyến thượng thận {side} bình thường"]  # fmt: skip
GRADED = ["tràn dịch màng phổi {side} lượng {grade}", "dày màng phổi {side} mức độ {grade}"]
NUMBERED = ["nốt thùy trên phổi {side} kích thước {number} mm", "khối thùy dưới phổi {side} kích thước 12 x {number} mm",
            "nốt thùy giữa phổi {side} đường kính {number},5 cm", "gan tăng chuyển hóa FDG SUVmax {number},2"]  # fmt: skip
RIBS = ["gãy xương sườn số {rib} bên {side}", "gãy cung sau xương sườn {rib} bên {side}"]

BARE = ["nốt", "khối", "đông đặc", "tràn dịch màng phổi", "tràn khí màng phổi", "xẹp phổi", "hạch to", "giãn phế quản"]


@st.composite
def clauses(draw, forms=(*PLAIN, *SIDED, *GRADED, *NUMBERED, *RIBS)):
    """One clause, with its words drawn."""
    form = draw(st.sampled_from(list(forms)))
    return form.format(side=draw(SIDES), grade=draw(GRADES), number=draw(MILLIMETRES), rib=draw(st.integers(1, 10)))


reports = st.lists(clauses(), min_size=1, max_size=4, unique=True)


def said(text: str, language: str = "vi") -> list[dict[str, object]]:
    """The facts without the words they were read from."""
    rows = [asdict(fact) for fact in facts(text, language)]
    return [{key: value for key, value in row.items() if key not in ("text", "start", "end")} for row in rows]


def bag(text: str) -> Counter:
    return Counter(fact.strict for fact in facts(text, "vi"))


def changes(before: str, after: str) -> list[set[str]]:
    """For each fact that differs between two texts of equally many facts, the fields in which it does."""
    one, other = said(before), said(after)
    assert len(one) == len(other), (before, after)
    return [{key for key in a if a[key] != b[key]} for a, b in zip(one, other, strict=True) if a != b]


def new_tones(text: str) -> str:
    """The other place of the tone mark: hóa → hoá, thùy → thuỳ."""
    for old, new in (("óa", "oá"), ("ùy", "uỳ"), ("òa", "oà"), ("Óa", "Oá"), ("Ùy", "Uỳ")):
        text = text.replace(old, new)
    return text


WRITINGS = {
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "compatibility": lambda text: unicodedata.normalize("NFKC", text),
    "upper case": str.upper,
    "title case": str.title,
    "new tone places": new_tones,
    "wide spaces": lambda text: text.replace(" ", "  "),
    "zero-width": lambda text: text.replace(" ", " \u200b"),
}


@pytest.mark.parametrize("writing", WRITINGS)
@few
@given(report=reports)
def test_how_letters_are_written_changes_nothing(writing, report):
    text = ". ".join(report)
    assert said(WRITINGS[writing](text)) == said(text)


@few
@given(report=reports, seed=st.integers(0, 99), sign=st.sampled_from([". ", "; ", ", ", "\n", " "]))
def test_order_and_commas_change_nothing_where_each_clause_has_its_anatomy(report, seed, sign):
    shuffled = random.Random(seed).sample(report, len(report))
    assert bag(sign.join(shuffled)) == bag(". ".join(report)), (sign.join(shuffled), ". ".join(report))


@few
@given(around=reports, side=SIDES, form=st.sampled_from([*SIDED, *GRADED, *RIBS]), sign=st.sampled_from([". ", ", ", " "]))
def test_a_flipped_own_side_changes_one_fact(around, side, form, sign):
    one, other = (form.format(side=s, grade="ít", rib=4) for s in ("phải", "trái"))
    assert changes(sign.join([*around, one]), sign.join([*around, other])) == [{"side"}]


@few
@given(
    around=reports,
    form=st.sampled_from(GRADED),
    grades=st.permutations(["ít", "vừa", "nhiều"]),
    sign=st.sampled_from([". ", ", ", " "]),
)
def test_a_changed_severity_changes_one_fact(around, form, grades, sign):
    one, other = (form.format(side="phải", grade=grade) for grade in grades[:2])
    assert changes(sign.join([*around, one]), sign.join([*around, other])) == [{"severity"}]


@few
@given(
    around=reports, form=st.sampled_from([*NUMBERED, *RIBS]), number=st.integers(3, 9), sign=st.sampled_from([". ", ", ", " "])
)
def test_a_changed_number_changes_one_fact(around, form, number, sign):
    one, other = (form.format(side="phải", number=n, rib=n) for n in (number, number + 1))
    (changed,) = changes(sign.join([*around, one]), sign.join([*around, other]))
    assert changed - {"measures"} in ({"size_mm"}, {"suv"}, {"location"})


@few
@given(
    around=reports,
    listed=st.lists(st.sampled_from(BARE), min_size=1, max_size=4, unique=True),
    last=st.sampled_from([", ", " hay ", " hoặc ", " và ", " - "]),
    negation=st.sampled_from(
        ["không thấy", "không có", "chưa thấy", "không thấy hình ảnh", "không ghi nhận", "không quan sát thấy"]
    ),
)
def test_a_dropped_negation_changes_just_the_findings_in_its_scope(around, listed, last, negation):
    coordinated = last.join([", ".join(listed[:-1]), listed[-1]]) if len(listed) > 1 else listed[0]
    before, after = ". ".join(around), ". ".join(reversed(around))
    denied, affirmed = (f"{before}. {cue} {coordinated}. {after}" for cue in (negation, "thấy"))
    assert changes(denied, affirmed) == [{"polarity"}] * len(listed)


@few
@given(around=reports, listed=st.lists(st.sampled_from(BARE), min_size=1, max_size=4, unique=True))
def test_a_negation_ends_at_new_anatomy_or_place(around, listed):
    placed = "đông đặc thùy dưới phổi trái"
    assert bag(f"không thấy {', '.join(listed)}, {placed}") == bag(f"không thấy {', '.join(listed)}") + bag(placed)


HEIRS = [
    "nốt thùy trên",
    "đông đặc thùy dưới",
    "không thấy khối",
    "dày nhẹ tổ chức kẽ vùng đáy phổi",
    "tràn dịch màng phổi lượng ít",
]


@few
@given(around=reports, heirs=st.lists(st.sampled_from(HEIRS), min_size=1, max_size=4, unique=True))
def test_an_inherited_side_changes_its_heirs(around, heirs):
    one, other = (". ".join([*around, f"Phổi {side}: {', '.join(heirs)}", *around]) for side in ("phải", "trái"))
    assert changes(one, other) == [{"side"}] * len(heirs)


@few
@given(around=reports)
def test_adding_a_sentence_leaves_the_others_as_they_were(around):
    text = ". ".join(around)
    assert bag(f"Gan bình thường. {text}. Lách không to.") == bag(text) + bag("Gan bình thường") + bag("Lách không to")


SOME = ["không", "thấy", "tim", "to", ",", "phải", "nốt", "(", ")", "0,5", "quai", "\n", "SUVmax", "S6", "4R", "x", "mm", "1/0"]
WORDS = st.sampled_from([*SOME, "chỉ số tim ngực", "không còn", "theo dõi", "hai", ":", "xương sườn", "V", "D12", "và", "xyz"])


@pytest.mark.parametrize("language", LANGUAGES)
@few
@given(words=st.lists(WORDS, max_size=30))
def test_any_order_of_words_is_read_without_fault(language, words):
    text = " ".join(words)
    for fact in facts(text, language):
        assert 0 <= fact.start < fact.end <= len(text)
        assert fact.text == text[fact.start : fact.end]


@pytest.mark.parametrize("language", LANGUAGES)
@few
@given(text=st.text(max_size=60))
def test_any_text_is_read_without_fault(language, text):
    assert all(fact.location == tuple(sorted(fact.location)) for fact in facts(text, language))


LONG = ["(" * 10_000, "nốt " * 20_000, "không " * 20_000, "1,2 x " * 20_000, "," * 100_000, "hạch 4R, " * 10_000]


@pytest.mark.parametrize("text", LONG)
@pytest.mark.parametrize("language", LANGUAGES)
def test_long_nonsense_is_read_to_its_end(text, language):
    assert isinstance(facts(text, language), list)


#: Parts that lean on their neighbours in some way or other, or seem to.
LEANING = {
    "vi": """hạch nhóm IIA trái | tăng chuyển hóa FDG SUVmax 5,2 | khối cao hơn gan | gãy xương sườn số 3 | bên trái dày 9 mm
        vôi hóa quai động mạch chủ | chỉ số tim ngực 0,45 | không thấy hạch trung thất | khối có kích thước 36 mm | thì muộn 6,1
        khối tỷ trọng cao | nốt trong hạch trung thất | dạng nốt rải rác | theo dõi lao phổi | phổi phải | bờ không đều
        khối 6,1 | hạch to: không | nhưng tim to | khối SUVmax 7""",
    "en": """no enlarged mediastinal lymph nodes | nodules in the mediastinal lymph nodes | enlarged mediastinal
        FDG uptake SUVmax 5 | nodule higher than the liver | no effusion | calcified | a 9 mm nodule in the right upper lobe
        stable nodule | clear lungs | cardiothoracic ratio 0.6 | level II nodes | nodule was not seen
        or pneumothorax | with coarse calcification
        effusion: none | but clear lungs | edema is seen""",
}
PARTS = {language: [part.strip() for part in listed.replace("\n", "|").split("|")] for language, listed in LEANING.items()}
DATA = Path(__file__).parents[1] / "data"


def parts_of_tests(language: str) -> list[str]:
    """What stands between commas in the sentences of the kinds of fault, and of the chest CTs."""
    with (DATA / "fault_kinds.tsv").open(encoding="utf-8", newline="") as handle:
        rows = csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
        texts = [row["text"] for row in rows if row["language"] == language]
    if language == "en":
        texts += [line.partition("|")[2] for line in (DATA / "ct_sentences.txt").read_text(encoding="utf-8").splitlines()]
    listed = [part.strip(" .") for text in texts for part in text.split(", ") if not set(";#|") & set(text)]
    return sorted({part for part in listed if part})


JOINED = st.one_of(
    st.tuples(st.just("vi"), st.lists(st.one_of(st.sampled_from(PARTS["vi"]), clauses()), min_size=1, max_size=4)),
    st.tuples(st.just("en"), st.lists(st.sampled_from(PARTS["en"]), min_size=1, max_size=4)),
    *(st.tuples(st.just(x), st.lists(st.sampled_from(parts_of_tests(x)), min_size=2, max_size=3)) for x in LANGUAGES),
)


@settings(max_examples=400, deadline=None)
@given(joined=JOINED)
@example(("vi", ["Không thấy hạch to", "trung thất không rộng"]))
@example(("vi", ["hai nốt cách nhau 20 mm", "khối phổi phải"]))
@example(("en", ["Fracture", "lung cavity"]))
@example(("en", ["Nodes are not enlarged and the lungs are not fibrotic", "effusion"]))
@example(("en", ["with calcification", "the aorta is tortuous"]))
@example(("en", ["Enlarging right hilar node", "skeleton without FDG-avid lesion"]))
@example(("en", ["lymphadenopathy of both axillae", "mediastinum widened"]))
@example(("vi", ["tăng chuyển hóa FDG SUVmax 5,2", "khối 6,1"]))
@example(("vi", ["khối cao hơn gan", "khối SUVmax 7"]))
@example(("en", ["no enlarged mediastinal", "hilar lymph nodes"]))
@example(("en", ["Left adrenal nodule of 14 mm with a density of -8 HU"] * 2))
def test_a_sentence_put_together_of_its_parts_says_what_the_whole_says(joined):
    text, lexicon = ", ".join(joined[1]), load_lexicon(joined[0])
    together = by_parts(text, lexicon)
    if together is not None:
        together = [(start + first, start + last, values) for start, read in together for first, last, values in read]
    assert together is None or together == facts_by(text, lexicon, load_grammar(lexicon.language)), text
