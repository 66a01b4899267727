"""What examples show of each study, by the key that the page knows it by."""

from __future__ import annotations

from collections.abc import Iterable

from docphim.files import content_key
from docphim.imaging.frames import is_film
from docphim.study import Example, Media, from_row, to_row


def key_of(media: Media) -> str:
    """What the page calls a media entry: a film by its path, a stack by its paths and the slices and windows it shows."""
    paths = "+".join(media.volumes.values())
    return paths if is_film(media) else f"{paths}#{content_key(to_row(media), 8)}"


def pictures(examples: Iterable[Example]) -> dict[str, dict[str, Media]]:
    """Study → what is shown of it, by `key_of`; of a study that stands in only as a wrong image too."""
    shown: dict[str, dict[str, Media]] = {}
    for example in examples:
        shown.setdefault(example.study, {}).update({key_of(media): media for media in example.media})
        wrong = example.wrong_image or {}
        for row in wrong.get("media") or []:
            media = from_row(Media, row)
            shown.setdefault(str(wrong["study"]), {}).setdefault(key_of(media), media)
    return shown
