"""The rules of the grammar: each has an example that needs it, and a row that cannot be meant is named."""

import itertools
import operator
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from docphim import doctor
from docphim.errors import UsageError
from docphim.language import examples, lexicon
from docphim.language.lexicon import LANGUAGES
from docphim.language.read import tables
from docphim.language.read.rows import Row, atoms_of, check_order
from docphim.package_data import packaged
from docphim.yaml_in import double_key

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import rows as benchmark

ROWS = list(examples.rows())
CASES = [pytest.param(table, row, id=f"{row.file}:{row.name}") for table, row in ROWS if row.example]


def test_every_row_has_an_example_and_a_reason():
    assert [row.name for _, row in ROWS if row.example is None or not row.why] == []


@pytest.mark.parametrize(("table", "row"), CASES)
def test_example_is_read_as_its_row_says_and_otherwise_without_it(table, row):
    assert examples.fault(table, row) is None


def test_last_row_of_a_table_is_needed_wherever_it_decides():
    *_, row = tables.load_grammar("vi")["topic"].rows
    assert examples.changes("Đông đặc thùy dưới phổi phải", "vi", "topic", row)
    assert not examples.changes("Hai phổi sáng", "vi", "topic", row)  # no finding


def test_every_atom_explains_itself():
    views = {view for view, _ in tables.TABLES.values()}
    assert [name for view in views for name, atom in atoms_of(view).items() if not atom.__doc__] == []


#: What somebody wrote under the table `scope` of vi.yaml, and how it is named.
FAULTS = {
    "no id": ("- {do: hold}", "scope: row 1: it has no id"),
    "no row": ("- hold", "scope: row 1: not a row: id, do, if, unless, example, why"),
    "no list": ("  a: {do: hold}", "scope: not a list of rows"),
    "no verb": ("- {id: s.x}", "s.x: do: 'nothing' is not one of hold, stop"),
    "another verb": ("- {id: s.x, do: deny}", "s.x: do: 'deny' is not one of hold, stop"),
    "a verb that YAML takes for a truth": ("- {id: s.x, do: on}", "is not one of hold, stop; YAML takes a bare on"),
    "unknown atom": ("- {id: s.x, do: hold, if: [comma, nonsense]}", "s.x: no atom 'nonsense' in table scope"),
    "what the view only holds": ("- {id: s.x, do: hold, if: [lexicon]}", "s.x: no atom 'lexicon' in table scope"),
    "what is the view's own affair": ("- {id: s.x, do: hold, if: [__init__]}", "s.x: no atom '__init__' in table scope"),
    "atoms not in a list": ("- {id: s.x, do: hold, if: comma}", "s.x: if and unless are lists of atoms"),
    "misspelt key": ("- {id: s.x, do: hold, unles: [comma]}", "s.x: 'unles' is not one of do, example, id, if, unless, why"),
    "asked and barred": ("- {id: s.x, do: hold, if: [comma], unless: [comma]}", "s.x: it asks for 'comma' and bars it"),
    "id of another": ("- {id: s.else, do: hold, if: [comma, conj, state]}", "common.yaml: scope: s.else: this id stands twice"),
    "no example": ("- {id: s.x, do: hold, if: [comma], example: Hai phổi sáng}", "s.x: example: text and the list of its"),
    "why that is none": ("- {id: s.x, do: hold, if: [comma], why: [a]}", "s.x: why: not a sentence"),
    "never reached": (
        "- {id: s.x, do: hold, if: [comma, conj]}\n- {id: s.y, do: hold, if: [state, conj, comma]}",
        "vi.yaml: scope: s.y: it is never reached: s.x of vi.yaml, above it, fits wherever it does",
    ),
    "covered by two together": (
        "- {id: s.x, do: hold, if: [comma, conj]}\n- {id: s.y, do: stop, if: [comma], unless: [conj]}\n"
        "- {id: s.z, do: hold, if: [comma, state]}",
        "vi.yaml: scope: s.z: it is never reached: of the rows above it one fits wherever it does",
    ),
    "reached by none of all languages": ("- {id: s.x, do: stop}", "common.yaml: scope: s.stop: it is never reached: s.x"),
    "contradiction": (
        "- {id: s.x, do: hold, if: [comma, conj], unless: [state]}\n- {id: s.y, do: stop, if: [conj, comma], unless: [state]}",
        "scope: s.y: it contradicts s.x of vi.yaml: both ask the same, one does hold, the other stop",
    ),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the grammar that may be edited."""
    shutil.copytree(tables.FOLDER, tmp_path / "grammar")
    monkeypatch.setattr(tables, "FOLDER", tmp_path / "grammar")
    tables.load_grammar.cache_clear()
    yield tmp_path / "grammar"
    tables.load_grammar.cache_clear()


def edit(path, text):
    path.write_text(text, encoding="utf-8")
    packaged.cache_clear()
    tables.load_grammar.cache_clear()


@pytest.mark.parametrize("case", FAULTS)
def test_row_that_cannot_be_meant_is_named(case, folder):
    text, message = FAULTS[case]
    (folder / "vi.yaml").write_text(f"place: [{{id: p.x, do: left}}]\nscope:\n{text}\n", encoding="utf-8")
    with pytest.raises(UsageError) as error:
        tables.load_grammar("vi")
    assert message in str(error.value)
    assert str(error.value).startswith("grammar/") and len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("places: []", "grammar/vi.yaml: no table 'places': one of role, phrase, place"),
        ("- a", "grammar/vi.yaml: not tables of rows"),
        ("place: [{id: p.x, do: left, if: [last]}]", "grammar/vi.yaml: place: its last row must fit always"),
        ("scope: []", "grammar/common.yaml: place: its last row must fit always"),
        ("scope: [{id: s.x", "grammar/vi.yaml: not YAML: "),
    ],
)
def test_file_that_cannot_be_meant_is_named(text, message, folder):
    (folder / "vi.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as error:
        tables.load_grammar("vi")
    assert str(error.value).startswith(message)


def test_doctor_names_what_is_wrong_with_rows_and_words(folder, monkeypatch):
    assert doctor._reading() == []
    text = (folder / "vi.yaml").read_text(encoding="utf-8")
    example = "{text: Hai phổi sáng, facts: [lung clear normal both]}"
    row = f"scope:\n  - {{id: s.idle, do: stop, if: [colon, bracket], example: {example}}}"
    edit(folder / "vi.yaml", text.replace("scope:", row))
    assert doctor._reading() == ["grammar/vi.yaml: scope: s.idle: its example is read the same without it"]
    monkeypatch.setattr(doctor, "double_key", {text: "scope"}.get)
    assert doctor._reading()[0] == "grammar/vi.yaml: scope stands twice"
    edit(folder / "vi.yaml", text + "scope: [")
    (fault,) = doctor._reading()
    assert fault.startswith("grammar/vi.yaml: not YAML: ") and str(folder) not in fault


@pytest.mark.parametrize(
    ("example", "why"),
    [
        ("{text: Hai phổi sáng, facts: [lung clear abnormal both]}", "its example is read as ['lung clear normal"),
        ("{language: zh, text: Hai phổi sáng, facts: []}", "its example's language is not one of vi, en"),
    ],
)
def test_example_that_does_not_hold_is_named(example, why):
    row = Row("s.x", "stop", (), (), ((), ()), yaml.safe_load(example), "", "common" if "language" in example else "vi")
    assert examples.fault("scope", row).startswith(why)


def test_phrase_that_is_never_read_as_its_line_says_is_named(tmp_path, monkeypatch):
    data = {
        "sides": {"left": ["trái"]},
        "findings": {"nodule": ["nốt {mờ|}"], "mass": ["nốt"]},
        "severities": {"mild": ["trái"]},
    }
    (tmp_path / "vi.yaml").write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    monkeypatch.setattr(lexicon, "FOLDER", tmp_path)
    assert lexicon.shadowed("vi") == ["lexicon/vi.yaml: 'nốt' is finding nodule, and never finding mass"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("a: 1\nb: {c: [1, {d: 2, d: 3}]}", "d"),
        ("a: 1\nb: 2\na: 3", "a"),
        ("a: {b: 1}\nb: {b: 1}", None),
        ("[]", None),
        ("", None),
    ],
)
def test_key_that_stands_twice_is_found(text, key):
    assert double_key(text) == key


ATOMS = "abcd"
ASKED = st.lists(st.sampled_from(ATOMS), unique=True, max_size=2).map(tuple)


@given(st.lists(st.tuples(ASKED, ASKED).filter(lambda asked: not {*asked[0]} & {*asked[1]}), max_size=6))
def test_rows_are_let_through_where_each_decides_for_some_answers(listed):
    rows = [Row(f"r.{n}", "do", *map(questions, asked), asked) for n, asked in enumerate([*listed, ((), ())])]
    table = tables.Table("t", rows)
    deciding = {table.decide(dict(zip(ATOMS, answers, strict=True))) for answers in itertools.product((True, False), repeat=4)}
    if deciding == set(rows):
        check_order("t", rows)
    else:
        with pytest.raises(UsageError, match="never reached"):
            check_order("t", rows)


def questions(atoms):
    return tuple(map(operator.itemgetter, atoms))


@pytest.mark.parametrize("language", LANGUAGES)
def test_rows_written_and_loaded_again_are_the_same_tables(language, folder):
    before = tables.load_grammar(language)
    for name in (language, "common"):
        text = yaml.safe_dump(packaged(tables.FOLDER / f"{name}.yaml"), allow_unicode=True, sort_keys=False)
        edit(folder / f"{name}.yaml", text)
    assert tables.load_grammar(language) == before


def test_rows_as_the_tool_writes_them_are_the_rows_that_they_were():
    """`benchmarks/rows.py --write` changes no rule: what it writes loads as the row, with its example and reason."""
    example = {"language": "vi", "text": 'Nốt "mờ": 5 mm', "facts": ["lung nodule + 5mm", "? + ~no"]}
    for _, row in ROWS:
        (entry,) = yaml.safe_load(benchmark.block(row, example, {row.name: "on: it holds"}))
        assert (entry["id"], entry["do"], entry["example"]) == (row.name, row.do, example)
        assert (tuple(entry.get("if", ())), tuple(entry.get("unless", ()))) == row.atoms
        assert entry["why"] == (row.why or "on: it holds")


def test_best_example_is_the_shortest_sentence_that_a_test_expects_so():
    row = next(row for _, row in ROWS if row.name == "s.list")
    texts = [
        benchmark.Text("Không thấy khối, nốt hai phổi", real=True),
        benchmark.Text("Không thấy nốt, khối, đông đặc"),
        benchmark.Text("Không thấy đông đặc, nốt, khối", ("lung consolidation -", "lung nodule -", "lung mass -")),
        benchmark.Text("Không thấy nốt"),
    ]
    needed = benchmark.need({"vi": texts, "en": []}, counts=True)["common", "s.list"]["vi"]
    assert [text.words for text in needed] == [texts[n].words for n in (2, 1, 0)]
    assert benchmark.example_of(replace(row, example=None), {"vi": needed}) == {
        "language": "vi",
        "text": texts[2].words,
        "facts": list(texts[2].expected),
    }
