"""Which rows of the grammar no text needs, and the shortest example of each that one does.

    python benchmarks/rows.py            rows whose own example does not hold, rows that no text needs, atoms that no row asks
    python benchmarks/rows.py --counts   how many sentences are read otherwise without each row, too (slower)
    python benchmarks/rows.py --write    write the best example of each row that lacks one into grammar/*.yaml

A row is needed by a sentence that is read otherwise without it.  Sentences are those of the tests, of tests/data, and, only to
be counted, the real ones that DOCPHIM_SHARED has: an example is never one of these.  `--texts FILE` adds invented ones (a line:
language, tab, text); `--why FILE` has a reason for each row (a line: id, tab, reason).  It exits with 1 where an example does
not hold.
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heldout import SENTENCES
from heldout import sentences as real_sentences

from docphim.language import examples
from docphim.language.facts import sentences
from docphim.language.lexicon import LANGUAGES
from docphim.language.read.rows import Row, atoms_of, fits_somewhere
from docphim.language.read.tables import FOLDER, TABLES, Grammar, Table, load_grammar
from docphim.package_data import packaged

TESTS = Path(__file__).parents[1] / "tests"
#: Letters that only Vietnamese has, among the languages that are read.
_VIETNAMESE = re.compile(r"[àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ]", re.IGNORECASE)
#: What facts in shorthand, code and patterns hold, and reports do not.
_NO_REPORT = re.compile(r"[{}_=|\\~]|\+(?:\s|$)")
#: An example has no more letters, where a shorter sentence needs the row.
_LONG = 100


@dataclass(frozen=True)
class Text:
    """A sentence: what a test expects of it (`expected`, if one does), whether it is a real one, or `chosen` by --texts."""

    words: str
    expected: tuple[str, ...] | None = None
    real: bool = False
    chosen: bool = False


def language_of(text: str) -> str:
    """Vietnamese where a letter is Vietnamese, else English."""
    return "vi" if _VIETNAMESE.search(text) else "en"


def known(more: Iterable[Sequence[str]] = ()) -> dict[str, list[Text]]:
    """All sentences by language, each once, those with expected facts first, the real ones last; `more`: (language, text)."""
    listed: dict[str, dict[str, Text]] = {language: {} for language in LANGUAGES}
    more = list(more)
    chosen = {text for _, text in more}
    added = [(language, text, None, False) for language, text in more]
    for language, text, expected, real in (*_expected(), *added, *_invented(), *_real()):
        parts = [words.strip() for _, words, _ in sentences(text, language) if words.strip()]
        for words in parts:
            facts = tuple(expected) if expected is not None and len(parts) == 1 else None
            listed[language].setdefault(words, Text(words, facts, real, text in chosen))
    return {language: list(texts.values()) for language, texts in listed.items()}


Known = Iterator[tuple[str, str, Sequence[str] | None, bool]]


def _expected() -> Known:
    """Sentences with the facts that tests expect of them, the examples of rows among them."""
    for _, row in examples.rows():
        if row.example:
            yield str(examples.language_of(row)), row.example["text"], row.example["facts"], False
    for path in sorted((TESTS / "language").glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            pair = _literal(node) if isinstance(node, ast.Tuple) and len(node.elts) == 2 else None
            if pair and isinstance(pair[0], str) and isinstance(pair[1], list) and all(isinstance(x, str) for x in pair[1]):
                yield language_of(pair[0]), pair[0], pair[1], False
    for row in _rows(TESTS / "data" / "fault_kinds.tsv"):
        yield row["language"], row["text"], [fact.strip() for fact in row["facts"].split(" | ") if fact.strip()], False


def _literal(node: ast.AST) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _invented() -> Known:
    """Sentences that tests and their data hold besides."""
    texts: list[str] = []
    for path in sorted((TESTS / "language").glob("test_*.py")):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        texts += [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    for path in sorted((TESTS / "data").glob("*.tsv")):
        texts += [value for row in _rows(path) for value in row.values() if value]
    for path in sorted((TESTS / "data").glob("*.jsonl")):
        texts += [value for line in path.read_text(encoding="utf-8").splitlines() for value in _strings(json.loads(line))]
    texts += (TESTS / "data" / "ct_sentences.txt").read_text(encoding="utf-8").splitlines()
    yield from ((language_of(text), text, None, False) for text in texts if " " in text and not _NO_REPORT.search(text))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for inner in value if isinstance(value, list) else value.values():
            yield from _strings(inner)


def _real() -> Known:
    if SENTENCES.is_file():
        yield from (("vi", text, None, True) for text in real_sentences().values())


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


class Watched:
    """A table that remembers which of its rows have decided."""

    always = None

    def __init__(self, table: Table, seen: set[str]) -> None:
        self.table, self.seen = table, seen

    def decide(self, view: Any) -> Row:
        row = self.table.decide(view)
        self.seen.add(row.name)
        return row

    def narrowed(self, view: Any, names: Sequence[str]) -> Watched:
        return Watched(self.table.narrowed(view, names), self.seen)


def deciding(texts: Iterable[Text], language: str) -> dict[str, list[Text]]:
    """For each row's id the texts in which it decides something, the best example first."""
    grammar, by_row = load_grammar(language), defaultdict(list)
    for text in texts:
        seen: set[str] = set()
        watched: Grammar = {name: Watched(table, seen) for name, table in grammar.items()}  # type: ignore[misc]
        facts = tuple(examples.read(text.words, language, watched))
        rank = (text.real, text.expected != facts and not text.chosen, _odd(text.words, facts), len(text.words))
        for name in seen:
            by_row[name].append((rank, text))
    return {name: [text for _, text in sorted(ranked, key=lambda pair: pair[0])] for name, ranked in by_row.items()}


def _odd(words: str, facts: Sequence[str]) -> bool:
    """Whether a sentence is no good example: long, begun within, or with words that nobody knows."""
    return len(words) > _LONG or not words[0].isupper() or any("~" in fact or "?" in fact for fact in facts) or not facts


def need(texts: Mapping[str, Sequence[Text]], counts: bool) -> dict[tuple[str, str], dict[str, list[Text]]]:
    """For each row (file, id) and language the texts that need it, the best example first; only that one without `counts`."""
    needed: dict[tuple[str, str], dict[str, list[Text]]] = defaultdict(dict)
    for language, listed in texts.items():
        decided = deciding(listed, language)
        for table in load_grammar(language).values():
            for row in table.rows:
                changed = (t for t in decided.get(row.name, ()) if examples.changes(t.words, language, table.name, row))
                first = list(changed) if counts else [text for text in [next(changed, None)] if text]
                if first:
                    needed[row.file, row.name][language] = first
    return needed


def example_of(row: Row, texts: Mapping[str, Sequence[Text]]) -> dict[str, Any] | None:
    """The row's own example where it holds, else the best invented sentence that needs it."""
    if row.example and examples.fault(_table_of(row), row) is None:
        return dict(row.example)
    for language in LANGUAGES:
        text = next((t for t in texts.get(language, ()) if not t.real), None)
        if text:
            facts = examples.read(text.words, language, load_grammar(language))
            return {**({"language": language} if row.file == "common" else {}), "text": text.words, "facts": facts}
    return None


def _table_of(row: Row) -> str:
    return next(table for table, other in examples.rows() if other == row)


def unvouched(needed: Mapping[tuple[str, str], dict[str, list[Text]]]) -> Iterator[str]:
    """Examples that would be written and whose facts no test expects: somebody has to look whether they are right."""
    vouched = {t.words: t.expected for texts in needed.values() for listed in texts.values() for t in listed}
    for _, row in examples.rows():
        example = example_of(row, needed.get((row.file, row.name), {}))
        if example and vouched.get(example["text"]) != tuple(example["facts"]):
            yield f"look: {row.name}: {example['text']} => {' | '.join(example['facts'])}"


def write(needed: Mapping[tuple[str, str], dict[str, list[Text]]], reasons: Mapping[str, str]) -> None:
    """Write grammar/*.yaml anew, with an example and a reason for each row that one is known for."""
    rows = {(row.file, row.name): row for _, row in examples.rows()}
    for path in sorted(FOLDER.glob("*.yaml")):
        tables, text = packaged(path), path.read_text(encoding="utf-8")
        head = [line for line in text.splitlines() if line.startswith("#")]
        blocks = []
        for table, entries in tables.items():
            listed = [rows[path.stem, entry["id"]] for entry in entries]
            chosen = [example_of(row, needed.get((path.stem, row.name), {})) for row in listed]
            shown = [block(row, example, reasons) for row, example in zip(listed, chosen, strict=True)]
            blocks.append(f"{table}:\n" + "\n".join(shown))
        path.write_text("\n".join([*head, *([""] if head else []), "\n\n".join(blocks)]) + "\n", encoding="utf-8")


def block(row: Row, example: Mapping[str, Any] | None, reasons: Mapping[str, str]) -> str:
    """A row as it is written: what it does and when, its reason, and its example."""
    quoted = json.dumps
    lines = [f"  - id: {row.name}", f"    do: {quoted(row.do) if row.do == 'on' else row.do}"]
    lines += [f"    {key}: [{', '.join(atoms)}]" for key, atoms in zip(("if", "unless"), row.atoms, strict=True) if atoms]
    why = row.why or reasons.get(row.name, "")
    lines += [f"    why: {quoted(why, ensure_ascii=False)}"] if why else []
    if example:
        lines.append("    example:")
        lines += [f"      language: {example['language']}"] if "language" in example else []
        lines.append(f"      text: {quoted(example['text'], ensure_ascii=False)}")
        facts = [quoted(fact, ensure_ascii=False) for fact in example["facts"]]
        lines += (
            [f"      facts: [{', '.join(facts)}]"]
            if len(", ".join(facts)) < 110
            else ["      facts:", *(f"        - {f}" for f in facts)]
        )
    return "\n".join(lines)


def report(needed: Mapping[tuple[str, str], dict[str, list[Text]]], counts: bool) -> Iterator[str]:
    """Rows that no text needs, or only real text; with `counts`, how many sentences need each."""
    for table, row in examples.rows():
        listed = [text for found in needed.get((row.file, row.name), {}).values() for text in found]
        number = f" {len(listed)} sentences" if counts else ""
        why = "no text needs it" if not listed else "only real text needs it" if all(t.real for t in listed) else ""
        if why or counts:
            yield f"{row.file} {table} {row.name}:{number} {why}".rstrip()


def idle() -> Iterator[str]:
    """Rows that no sentence at all can need: wherever one decides, the next that fits below it would do the same."""
    rows = {(row.file, table, row.name) for table, row in examples.rows()}
    for language in LANGUAGES:
        for table in load_grammar(language).values():
            rows -= {(row.file, table.name, row.name) for n, row in enumerate(table.rows) if _decides(table.rows, n)}
    yield from (f"{file} {table} {name}: the rows below it decide the same" for file, table, name in sorted(rows))


def _decides(rows: Sequence[Row], n: int) -> bool:
    """Whether atoms can be answered so that a row decides, and without it another would that does something else."""
    if n == len(rows) - 1:
        return True
    for m in range(n + 1, len(rows)):
        asked = [(atom, True) for row in (rows[n], rows[m]) for atom in row.atoms[0]]
        asked += [(atom, False) for row in (rows[n], rows[m]) for atom in row.atoms[1]]
        other = rows[m].do != rows[n].do and len(dict(asked)) == len(set(asked))
        if other and fits_somewhere(dict(asked), [*rows[:n], *rows[n + 1 : m]]):
            return True
    return False


def unasked() -> Iterator[str]:
    """Atoms that no row of any language asks."""
    asked: dict[type, set[str]] = defaultdict(set)
    for name, (view, _) in TABLES.items():
        rows = [row for language in LANGUAGES for row in load_grammar(language)[name].rows]
        asked[view] |= {atom for row in rows for atoms in row.atoms for atom in atoms}
    for view, atoms in asked.items():
        if unused := sorted(atoms_of(view).keys() - atoms):
            yield f"{view.__name__}: no row asks {', '.join(unused)}"


def pairs_of(file: str | None) -> list[list[str]]:
    """The lines of a file of two columns."""
    lines = Path(file).read_text(encoding="utf-8").splitlines() if file else []
    return [line.split("\t", 1) for line in lines if "\t" in line]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", action="store_true", help="Count the sentences that need each row.")
    parser.add_argument("--write", action="store_true", help="Write examples and reasons into the files.")
    parser.add_argument("--texts", metavar="FILE", help="More invented sentences.")
    parser.add_argument("--why", metavar="FILE", help="Reasons for rows that have none.")
    asked = parser.parse_args()
    texts = known(pairs_of(asked.texts))
    print("sentences: " + ", ".join(f"{language} {len(listed)}" for language, listed in texts.items()))
    needed = need(texts, asked.counts)
    faults = examples.faults()
    print("\n".join([*report(needed, asked.counts), *idle(), *unasked(), *faults]))
    if asked.write:
        print("\n".join(unvouched(needed)))
        write(needed, dict(pairs_of(asked.why)))
    sys.exit(bool(faults) and not asked.write)


if __name__ == "__main__":
    main()
