"""What training knows of a model, for the card beside its weights: whoever finds them knows what they are and are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import docphim
from docphim.files import atomic
from docphim.imaging import modality
from docphim.models.card import DATA, SCORES, licence_of, put_together
from docphim.models.checkpoint import NOTE, on_disk
from docphim.models.loaded import Loaded
from docphim.models.meet import answers
from docphim.models.quantised import size
from docphim.models.tune import table, what_trains
from docphim.records import CARD_OF_TRAINING

_CARD = """---
library_name: transformers
pipeline_tag: image-text-to-text
tags: [radiology, {tags}, report-generation, research-only]
language: [{languages}]
---

# {name}

{does} {images}. **A research model, not a medical device: its drafts are not reviewed by a
physician and must not be used for diagnosis or treatment.**

## Model

- Family `{family}`, weights `{weights}`{revision}, images letterboxed to {height} x {width} pixels.
- {tuned}
- {trained:,} of {total:,} parameters trained.

## Data

- Dataset `{key}`: {train} training and {val} validation examples; the test split was not read in training.
{blind}
## Training

{settings}
{parts}{chosen}
Made with {versions}.

## Scores

Values run from 0 to 100, intervals are 95 % over patients. *Floors* are what one gets without looking at the image; a model
that reads images scores lower when it is shown another patient's (*other*).

{scores}

## Intended use

Research on report generation and its evaluation: drafts to be measured, compared with floors and read critically.

## Limitations

- It writes fluent sentences whether or not the image supports them.
- It knows the population, devices and reporting style of its training data only; elsewhere it has not been measured.
- Phantom data teach the pipeline, not medicine.
- Training texts may be recalled word for word: treat the weights as you treat the reports.

## Licence

{licence}

- Data: {data}
"""

#: By whether it has a decoder.
_DOES = {True: "Drafts radiology reports from", False: "Matches with radiology reports, and labels by prompts (prompts.json),"}

_TUNED = {
    "none": "Not tuned: the weights as they were published.",
    "lora": "Low-rank adapters ({kind}, rank {rank}, alpha {alpha:g}, dropout {dropout:g}) on the frozen base{stored}{whole}.",
    "full": "Tuned in full{frozen}.",
}


def write(
    folder: Path,
    loaded: Loaded,
    key: str,
    counts: dict[str, int],
    model: dict[str, Any],
    train: dict[str, Any],
    step: int | None,
    modalities: Sequence[str] = ("xray",),
    languages: Iterable[str] = ("vi",),
) -> None:
    """Write card.md into a saved model's folder, and README.md, which has no scores yet.

    Parameters
    ----------
    key : str
        The dataset's content key.
    counts : dict
        Examples by split (`train`, `val`).
    model, train : dict
        The recipe's sections.
    step : int or None
        The step whose checkpoint was kept; None where nothing was trained.
    modalities, languages : sequence of str
        What its examples show, and the languages they are in.
    """
    with atomic(folder / CARD_OF_TRAINING) as handle:
        handle.write(text(loaded, key, counts, model, train, step, modalities, languages))
    put_together(folder, None)


def text(
    loaded: Loaded,
    key: str,
    counts: dict[str, int],
    model: dict[str, Any],
    train: dict[str, Any],
    step: int | None,
    modalities: Sequence[str] = ("xray",),
    languages: Iterable[str] = ("vi",),
) -> str:
    """What training knows (see `write`)."""
    words = [modality(name).WORDS for name in modalities]
    frozen = f", {' and '.join(model['freeze'])} frozen" if model["freeze"] else ""
    stored = f", its language model in {model['quantise']}" if model.get("quantise") else ""
    whole = f"; {' and '.join(model['whole'])} trained in full" if model.get("whole") else ""
    base = Path(model["weights"]).name if model["weights"].startswith(("/", ".", "~")) else model["weights"]
    parameters = list(loaded.model.parameters())
    return _CARD.format(
        name=loaded.name,
        tags=", ".join(word["tag"] for word in words),
        languages=", ".join(languages),
        does=_DOES[answers(loaded)],
        images=" and ".join(word["images"] for word in words),
        family=model["family"],
        weights="tiny (small random weights)" if base == "tiny" else base,
        revision=f" at revision `{model['revision']}`" if model.get("revision") else "",
        height=loaded.size[0],
        width=loaded.size[1],
        tuned=_TUNED[model["tune"]].format(**{"kind": "lora", **model["lora"]}, frozen=frozen, stored=stored, whole=whole),
        trained=0 if step is None else sum(p.numel() for p in parameters if p.requires_grad),
        total=sum(map(size, parameters)),
        key=key,
        train=counts["train"],
        val=counts["val"],
        blind="- Trained blind: it never saw an image.\n" if train["blind"] else "",
        settings="None." if step is None else _settings(train),
        parts="" if step is None else _parts(loaded, train),
        chosen="" if step is None else f"\nThe checkpoint kept is that of step {step}, {_why_chosen(counts, train)}.\n",
        versions=_versions(),
        scores=SCORES,
        licence=_licence(base, loaded),
        data=DATA,
    )


def _parts(loaded: Loaded, train: dict[str, Any]) -> str:
    return f"\n```\n{table(what_trains(loaded), train['learning_rate'], train.get('rates', {}))}\n```\n"


def _settings(train: dict[str, Any]) -> str:
    shown = {name: value for name, value in train.items() if name != "trackers"}
    rows = {**shown, "loss": ", ".join(f"{v}" if k == "kind" else f"{k} {v}" for k, v in train["loss"].items())}
    return "\n".join(f"- {name}: {value}" for name, value in rows.items())


def _why_chosen(counts: dict[str, int], train: dict[str, Any]) -> str:
    return f"the best by `{train['keep_best']}`" if counts["val"] else "the last: there was nothing to validate on"


def _versions() -> str:
    packages = ("torch", "transformers", "peft")
    return ", ".join([f"docphim {docphim.__version__}", *(f"{name} {metadata.version(name)}" for name in packages)])


def _licence(name: str, loaded: Loaded) -> str:
    """The licence of the base, as it stands beside its weights; of another run's model, what that one's card says."""
    if name == "tiny" or loaded.base is None:
        return "- Base weights: none; these were made here from random numbers."
    folder = on_disk(loaded.base["weights"], None, loaded.base.get("revision"))
    if folder is not None and (folder / NOTE).exists():
        return f"- Base weights: the run `{folder.parent.name}`, whose card says under which licence it stands."
    licence = licence_of(folder)
    named = (
        f"{licence}, by what lies beside them" if licence else "no licence lies beside them; that of their publication applies"
    )
    return f"- Base weights (`{name}`): {named}."
