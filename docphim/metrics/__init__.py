"""Knowledge of scores: one metric family a file, its signature, its interval.  `docphim.metrics.corpus` gives quick values."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib import import_module
from typing import cast

from docphim.errors import UsageError
from docphim.metrics.family import Kind, Metric, Title
from docphim.study import Example, Study

__all__ = [
    "METRICS",
    "Kind",
    "Metric",
    "Title",
    "check_families",
    "check_label_sets",
    "corpus",
    "families",
    "label_sets",
    "metric",
    "modality_of",
    "sets_of",
]

#: Every metric family: the module that is it, or the module and its name in there.  Label sets are families too, each under
#: its own name (`docphim.language.labels.SETS`); a task that names `labels` means those that suit its images.
METRICS: dict[str, str] = {
    "rouge": "docphim.metrics.rouge",
    "bleu": "docphim.metrics.bleu",
    "chrf": "docphim.metrics.chrf",
    "clinical": "docphim.metrics.clinical",
    "facts": "docphim.metrics.facts",
    "lesions": "docphim.metrics.lesions",
    "lesion_records": "docphim.metrics.lesion_records",
    "answers": "docphim.metrics.answers",
    "bertscore": "docphim.metrics.bertscore",
    "retrieval": "docphim.metrics.retrieval",
}
#: Families that give other tools' values (`docphim score --convention NAME`).
PARITY: dict[str, str] = {
    "rouge_score": "docphim.metrics.parity:ROUGE_SCORE",
    "rouge_score_stemmer": "docphim.metrics.parity:ROUGE_SCORE_STEMMER",
    "sacrebleu": "docphim.metrics.parity:SACREBLEU",
    "sacrebleu_sentence": "docphim.metrics.parity:SACREBLEU_SENTENCE",
    "sacrebleu_chrf": "docphim.metrics.parity:SACREBLEU_CHRF",
    "coco_bleu": "docphim.metrics.parity:COCO_BLEU",
    "coco_rouge": "docphim.metrics.parity:COCO_ROUGE",
    "coco_cider": "docphim.metrics.parity:COCO_CIDER",
    "vipet": "docphim.metrics.vipet:VIPET",
}
#: What stands for the label sets among the names of families.
LABELS = "labels"
#: Before the name of a score that was computed elsewhere (`docphim.metrics.external`).
EXTERNAL = "external:"
#: Before the folder of an encoder's weights, by which texts are compared (`docphim.metrics.bertscore`).
BERTSCORE = "bertscore:"
#: What is scored where a task says nothing: families that need no more than tokens.
LEXICAL = ("rouge", "bleu", "chrf")


def metric(name: str) -> Metric:
    """The family of that name: of `METRICS` or `PARITY`, a label set, `external:KEY`, or `bertscore:FOLDER`."""
    if name.startswith(EXTERNAL):
        return cast("Metric", import_module("docphim.metrics.external").external(name.removeprefix(EXTERNAL)))
    if name.startswith(BERTSCORE):
        return cast("Metric", import_module("docphim.metrics.bertscore").bertscore(name.removeprefix(BERTSCORE)))
    if name in label_sets():
        return cast("Metric", import_module("docphim.metrics.labels").labels(name))
    path, _, inner = (METRICS.get(name) or PARITY[name]).partition(":")
    module = import_module(path)
    return cast("Metric", getattr(module, inner) if inner else module)


def label_sets() -> dict[str, str]:
    """Every label set, and the modality whose reports are scored by it; `asked` where it is named."""
    from docphim.language.labels import SETS

    return SETS


def published(modality: str | None = None) -> tuple[str, ...]:
    """The label sets that are scored where nobody chose: those of what the reports are of, all where that is not known."""
    known = {name: of for name, of in label_sets().items() if of not in ("phantom", "asked")}
    return tuple(name for name, of in known.items() if modality in (None, of))


def sets_of(examples: Collection[Example], studies: Mapping[str, Study]) -> tuple[str, ...]:
    """The label sets for reports of what the examples show: those that were published for it; none where there is none.

    The CT beside a PET is no chest CT: reports of PET/CT have a set only on phantoms, whose truth names its own.
    """
    shown = {kind for volumes in _volumes(examples) for kind in (["pet"] if "pet" in volumes else volumes)}
    if shown == {"pet"}:
        truths = [study.truth if (study := studies.get(example.study)) else None for example in examples]
        named = {(truth or {}).get("label_set") for truth in truths}
        return tuple(name for name in label_sets() if named == {name})
    return tuple(name for name, modality in label_sets().items() if modality in shown - {"pet"})


def modality_of(examples: Iterable[Example]) -> str | None:
    """What all examples show; PET with its CT is PET, and None where they differ."""
    shown = {_modality(volumes) for volumes in _volumes(examples)}
    return shown.pop() if len(shown) == 1 else None


def _modality(volumes: Collection[str]) -> str:
    return "pet" if "pet" in volumes else "ct" if "ct" in volumes else "xray"


def _volumes(examples: Iterable[Example]) -> Iterable[Collection[str]]:
    return [{kind for media in example.media for kind in media.volumes} for example in examples if example.media]


def check_label_sets(names: Iterable[str]) -> None:
    """Refuse a label set that there is not.

    Raises
    ------
    UsageError
        The message lists those that there are.
    """
    for name in names:
        if name not in label_sets():
            raise UsageError(f"label set {name!r} is not one of {', '.join(label_sets())}")


def check_families(names: Iterable[str], where: str) -> None:
    """Refuse a metric family that there is not.

    Parameters
    ----------
    where : str
        What names them, for the message: a task, a key of the recipe.

    Raises
    ------
    UsageError
        The message says which was meant, or lists all.
    """
    known = [*METRICS, LABELS, *label_sets()]
    for name in names:
        if name not in known and not name.startswith(BERTSCORE):
            near = difflib.get_close_matches(name, known, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise UsageError(f"{where}: {name!r} is no family of metrics; {hint}")


def families(
    language: str,
    label_sets: Sequence[str] | None = None,
    wanted: Iterable[str] | None = None,
    modality: str | None = None,
) -> tuple[str, ...]:
    """The families that serve a language, in the order of `METRICS`, then label sets.

    Parameters
    ----------
    language : str
        Without a lexicon (`zh`) only families that need none serve it.
    label_sets : sequence of str, optional
        What `labels` stands for; where not said the published sets, of the modality where that is known (PET/CT has none).
    wanted : iterable of str, optional
        Names of families; where not said all that score whole reports.
    modality : str, optional
        What all reports are of: those of PET/CT (`pet`) are scored by their own families too, where none is named.

    Raises
    ------
    UsageError
        A family or a label set is unknown.
    """
    from docphim.language.facts import LANGUAGES

    sets = published(modality) if label_sets is None else tuple(dict.fromkeys(label_sets))
    check_label_sets(sets)
    if wanted is None:
        serving = ("reports", "pet") if modality == "pet" else ("reports",)
        wanted = (*(name for name in METRICS if metric(name).SERVES in serving), LABELS)
    names = set(wanted)
    check_families(names, "metrics")
    named = [*(sets if LABELS in names else ()), *sorted(names - {*METRICS, LABELS})]
    chosen = [*(name for name in METRICS if name in names), *dict.fromkeys(named)]
    return tuple(name for name in chosen if language in LANGUAGES or not metric(name).LEXICON)


def corpus(
    references: Sequence[str],
    predictions: Sequence[str],
    language: str,
    names: Sequence[str] = LEXICAL,
    modality: str | None = None,
) -> dict[str, float]:
    """Every score of the families `names` in percent by key, without intervals.

    Parameters
    ----------
    modality : {"xray", "ct", "pet"}, optional
        What all reports are of, where it is known; scores of facts depend on it.

    Raises
    ------
    ValueError
        The lists differ in length.
    UsageError
        The language has no tokens, or no lexicon where a family needs one.
    """
    from docphim.metrics.pairs import Pairs

    pairs = Pairs(references, predictions, language, modality=modality)
    values: dict[str, float] = {}
    for kind in map(metric, names):
        values.update(zip(kind.KEYS, kind.aggregate(kind.statistics(pairs).sum(axis=0)).tolist(), strict=True))
    return values
