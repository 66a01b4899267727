"""The lexicon files themselves: every name has its line, every phrase is written as texts are read, none means two things."""

import re
from collections import defaultdict

import pytest
import yaml

from docphim.language.items import tokenize
from docphim.language.lexicon import FOLDER, LANGUAGES, TOKEN, expand, load_lexicon
from docphim.language.normalize import normalize, parted

#: Section → where concepts.yaml lists its names; sections without a list name what Fact's fields may hold.
CONCEPTS = {"anatomy": "anatomy", "parts": "parts", "findings": "findings", "states": "states", "locations": "locations"}
NAMES = {
    "sides": {"right", "left", "both"},
    "counts": {"single", "few", "several", "multiple", "2", "3", "4", "5"},
    "severities": {"mild", "moderate", "severe"},
    "negation": {"before", "after"},
    "certainty": {"probable", "possible", "not_excluded", "obscured"},
    "change": {"new", "increased", "decreased", "unchanged", "resolved", "earlier"},
}
FIELDS = {
    "part": "parts",
    "anatomy": "anatomy",
    "finding": "findings",
    "also": "findings",
    "state": "states",
    "location": "locations",
}
LISTS = ("ends", "joins", "either", "affirms", "affirmed_after", "prepositions", "ignored", "not_findings")

concepts = yaml.safe_load((FOLDER / "concepts.yaml").read_text("utf-8"))
lexicons = {language: yaml.safe_load((FOLDER / f"{language}.yaml").read_text("utf-8")) for language in LANGUAGES}


def named(data):
    """(section, name, phrase as written) of the sections that list phrases under names."""
    for section in (*CONCEPTS, "numbered", "descriptors", *NAMES):
        for name, phrases in (data.get(section) or {}).items():
            yield from ((section, name, str(phrase)) for phrase in phrases or ())


def written(data):
    """Every phrase of a file as it is written."""
    yield from (phrase for _, _, phrase in named(data))
    for section in LISTS:
        yield from map(str, data.get(section) or ())
    for section in ("compounds", "state_of"):
        yield from (str(term) for entry in data.get(section) or () for term in entry["terms"])
    yield from map(str, (data.get("ratio") or {}).get("terms", ()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_name_has_its_line_among_the_concepts(language):
    data = lexicons[language]
    unknown = {(s, n) for s, n, _ in named(data) if s in CONCEPTS and n not in concepts[CONCEPTS[s]]}
    unknown |= {(s, n) for s, n, _ in named(data) if s in NAMES and str(n) not in NAMES[s]}
    for entry in (*(data.get("compounds") or ()), *(data.get("state_of") or ())):
        for field, section in FIELDS.items():
            values = entry.get(field, [])
            for value in [values] if isinstance(values, str) else values:
                if value not in concepts[section] and value.rpartition("_")[0] not in data["numbered"]:  # rib_3
                    unknown.add((field, value))
    assert unknown == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_is_written_as_texts_are_read(language):
    spelling = lexicons[language].get("spelling") or {}
    wrong = [p for p in written(lexicons[language]) if normalize(p) != p]
    wrong += [p for p in written(lexicons[language]) for w in TOKEN.findall(p) if w in spelling]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_wording_of_a_phrase_is_empty_and_no_brace_stands_in_another(language):
    bad = [p for p in written(lexicons[language]) if not all(expand(p)) or p.count("{") != p.count("}")]
    bad += [p for p in written(lexicons[language]) if any("{" in w or "}" in w or "|" in w for w in expand(p))]
    assert bad == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_phrase_means_two_things_of_one_kind(language):
    meanings = defaultdict(set)
    for section, name, phrase in named(lexicons[language]):
        for wording in expand(phrase):
            meanings[section, tuple(TOKEN.findall(wording))].add(name)
    twice = {(section, " ".join(words)): names for (section, words), names in meanings.items() if len(names) > 1}
    assert twice == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_compound_is_not_a_finding_of_another_name_elsewhere(language):
    findings = {tuple(TOKEN.findall(w)): name for s, name, p in named(lexicons[language]) if s == "findings" for w in expand(p)}
    compounds = [
        (" ".join(TOKEN.findall(w)), entry["finding"], findings[tuple(TOKEN.findall(w))])
        for entry in lexicons[language].get("compounds") or ()
        if "finding" in entry
        for term in entry["terms"]
        for w in expand(str(term))
        if tuple(TOKEN.findall(w)) in findings
    ]
    assert compounds == []


def test_each_concept_of_the_common_reports_has_words_in_vietnamese():
    data = lexicons["vi"]
    missing = {section: set(concepts[section]) - set(data[section]) for section in ("anatomy", "findings", "states")}
    # a lymph node is always read as a finding, "lucent" is a finding (hyperlucency), a bare "density" is said in English
    # alone, the rest are said by compounds or state_of
    said_elsewhere = {"lymph_node", "lucent", "density"} | {entry["state"] for entry in data["state_of"]}
    assert {name for names in missing.values() for name in names} <= said_elsewhere


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lexicon_loads(language):
    assert load_lexicon(language).tree


def test_the_concepts_have_the_properties_that_the_grammar_asks_for():
    lexicon = load_lexicon("en")
    assert {"abnormality", "lesion", "disease"} == lexicon.general
    assert {"fdg_uptake", "enhancement"} == lexicon.evidence
    assert {"invasion", "compression", "obstruction", "adhesion", "shift"} == lexicon.relational
    assert {"scattered", "diffuse"} == lexicon.extent
    assert {"wall", "parenchyma"} <= lexicon.outer and "arch" not in lexicon.outer
    assert {("enlarged", "size"), ("enlarged", "contour"), ("enlarged", "shape")} == lexicon.meant
    assert lexicon.fuse["lymph_node", "enlarged"] == "lymphadenopathy"


def test_what_is_fused_is_of_known_concepts():
    names = {name for (finding, _), is_now in load_lexicon("vi").fuse.items() for name in (finding, is_now)}
    assert names <= set(concepts["findings"])
    assert {state for _, state in load_lexicon("vi").fuse} <= set(concepts["states"])


MEASURES = {
    "suv": {"max", "peak", "mean"},
    "phases": {"early", "delayed", "native", "arterial", "venous"},
    "relations": {"<", "≤", ">", "≥", "~"},
    "compared": {"", "<", ">", "~"},
    "distance": {"before", "behind"},
    "times": {"earlier", "past", "left", "apart", "now"},
    "scores": {"deauville"},
    "ratios": {"ratio"},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_of_measures_stand_under_known_names_and_under_one_alone(language):
    data = lexicons[language]["measures"]
    assert data.keys() == MEASURES.keys() | {"uptake", "fillers", "aside", "labels", "of"}
    for group, names in MEASURES.items():
        assert data[group].keys() <= names
        wordings = [wording for phrases in data[group].values() for phrase in phrases for wording in expand(phrase)]
        assert len(wordings) == len(set(wordings)), group


def test_a_word_that_is_read_without_its_accents_is_like_no_other_word_of_the_lexicons():
    bare = load_lexicon("vi").bare
    words = {token for language in LANGUAGES for phrase in written(lexicons[language]) for token in TOKEN.findall(phrase)}
    assert not bare.keys() & words
    assert all(len(form) == len(word) for form, word in bare.items())


def test_words_beside_the_lexicon_are_none_of_its_own_and_usual_wordings_name_its_sections():
    data, syllables = lexicons["vi"], load_lexicon("vi").plain.syllables
    assert not syllables.intersection(data["others"])
    assert len(data["others"]) == len(set(data["others"]))
    named = {name for line in data["usual"] for name in re.findall(r"\{(\w+)\}", line)}
    assert named <= data.keys()


SYLLABLES = frozenset(("đặc", "góc", "và", "dày", "dạng", "khối", "nghiêng", "thu", "an", "to", "toan"))


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("đặcgóc", "đặc góc"),
        ("vàdày", "và dày"),
        ("dạngkhối", "dạng khối"),
        ("thuan", "thuan"),  # may be one syllable
        ("đặcgócdày", "đặcgócdày"),  # three
        ("khốix", "khốix"),
        ("mediastinum", "mediastinum"),
        ("góc9dày", "góc9dày"),
    ],
)
def test_two_syllables_written_as_one_are_parted_where_that_is_plain(word, parts):
    assert parted(word, SYLLABLES) == parts


def test_a_parted_word_keeps_its_place_in_the_text():
    words, places = tokenize("hình đông ĐẶCGÓC sườn", load_lexicon("vi"))
    assert words == ["hình", "đông", "đặc", "góc", "sườn"]
    assert [m[0] for m in places] == ["hình", "đông", "ĐẶC", "GÓC", "sườn"]
    assert [(m.start(), m.end()) for m in places[2:4]] == [(10, 13), (13, 16)]


def test_english_words_are_never_parted():
    assert tokenize("heartlung", load_lexicon("en"))[0] == ["heartlung"]
