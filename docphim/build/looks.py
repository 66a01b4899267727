"""What of a study a task asks about: all of it, or its parts, each with media of its own; and the wrong images of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType

from docphim.build import media as pictured
from docphim.build import wrong_image
from docphim.build.media import Pictures
from docphim.study import Media, Row, Study, to_row

#: (task, part) → study → what its examples show in place of their own image; the part of a whole study is empty.
Wrong = dict[tuple[str, str], dict[str, Row | None]]


def looks(module: ModuleType, pictures: Pictures, study: str) -> dict[str, list[Media]]:
    """The parts of a study that a task asks about, with what is shown of each; `{"": …}` where it asks about the whole.

    A task that asks about parts has `PARTS`, their names, and `parts(media, rows)`, which gives those that a study has.
    """
    shown = pictures.media[study]
    return module.parts(shown, pictures.rows[study]) if hasattr(module, "parts") else {"": shown}


def task_of(name: str, part: str) -> str:
    """What examples of a task are called: parts are tasks of their own, so that floors and scores are those of one part."""
    return f"{name}.{part}" if part else name


def described(name: str, module: ModuleType) -> dict[str, Row]:
    """What tasks.json says of a task: how it is scored, and which task its parts make together."""
    row: Row = {"metrics": list(module.METRICS)}
    if not hasattr(module, "parts"):
        return {name: row}
    return {task_of(name, part): row | {"joined": module.JOINED} for part in module.PARTS}


def wrong_images(
    studies: Sequence[Study], modules: Mapping[str, ModuleType], pictures: Pictures, patient_of: Mapping[str, str], seed: int
) -> Wrong:
    """Of each study another patient's that shows the same modalities, and of a part of it the same part."""
    wrong: Wrong = {}
    for name, module in modules.items():
        shown: dict[str, dict[str, list[Media]]] = {}
        for study in studies:
            for part, media in looks(module, pictures, study.id).items():
                shown.setdefault(part, {})[study.id] = media
        for part, of in shown.items():
            wrong[name, part] = {study: _case(other, of) for study, other in _partners(of, patient_of, seed).items()}
    return wrong


def _partners(shown: Mapping[str, Sequence[Media]], patient_of: Mapping[str, str], seed: int) -> dict[str, str | None]:
    """The study whose pictures stand in as the wrong image of each, found among those of the same modalities."""
    alike: dict[tuple[str, ...], dict[str, set[str]]] = {}
    for study, media in shown.items():
        patients = {patient_of[name] for name in pictured.studies_shown(study, media)}
        alike.setdefault(pictured.modalities(media), {})[study] = patients
    return {name: other for group in alike.values() for name, other in wrong_image.partners(group, seed).items()}


def _case(other: str | None, shown: Mapping[str, Sequence[Media]]) -> Row | None:
    if other is None:
        return None
    return {"kind": "case", "study": other, "media": [to_row(media) for media in shown[other]], "differs": None}
