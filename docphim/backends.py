"""Where drafts come from: one line a backend, with all that must be known of it before its file is imported."""

from __future__ import annotations

import math
from dataclasses import dataclass

from docphim.errors import UsageError

#: Keys of an endpoint's section that lead to it, and change none of its answers.
ENDPOINT = ("endpoint", "key_env", "concurrency", "timeout_s", "retries")

#: `max_new_tokens` of a backend that drafts with the run's own model: as long as the answers that it was trained on.
LONGEST = "longest"
#: A draft may be this much longer than the longest answer of the training, or the longest reference, before it is cut.
SLACK = 1.25

#: In a folder that `docphim export` wrote a model to: what it is, with the SHA-256 of its files.
EXPORTED = "docphim_serving.json"

#: Keys of a recipe's `generate` that not every backend takes, with what stands for none: how tokens are chosen.
DECODING: dict[str, float] = {"top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0, "min_new_tokens": 0}
#: Those of them that act where tokens are drawn (`temperature` above 0).
OF_SAMPLING = ("top_p", "top_k")


@dataclass(frozen=True)
class Traits:
    """A backend's class, and which keys of a recipe's `generate` it takes beside those that every backend has.

    Attributes
    ----------
    path : str
        `module:class`, imported when there is something to draft.
    trains : bool
        Whether it drafts with the run's own model, so that there is one to train.
    needs : tuple of str
        Keys that must be given.
    decoding : tuple of str
        Of the keys that say how tokens are chosen (`DECODING`) those that it takes, beside `temperature` and `seed`.
    recorded, asking : tuple of str
        Keys that are handed to it: those that its answers depend on, and those that they do not.
    reads : str
        The key of `asking` that names a file, on whose content its answers depend; no other backend takes that key.
    within : str
        Where that key names a folder: the file in it that stands for its content.
    package : str
        What must be installed for it, by the extra of that name.
    shared : bool
        Whether several `processes` may draft, each with the model on a GPU of its own: it has `check_processes`.
    batched : bool
        Whether answers depend on what is asked together: `batch_size` is recorded with them.
    sends : bool
        Whether films leave this process for `endpoint`: `allow_upload` and the endpoint's key are checked before, and what
        was not answered is asked again.
    images : tuple of str
        Which images are asked about unless the recipe says; none: all.
    """

    path: str
    trains: bool = False
    needs: tuple[str, ...] = ()
    decoding: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()
    asking: tuple[str, ...] = ()
    reads: str = ""
    within: str = ""
    package: str = ""
    shared: bool = False
    batched: bool = False
    sends: bool = False
    images: tuple[str, ...] = ()


BACKENDS: dict[str, Traits] = {
    "transformers": Traits(
        "docphim.generate.transformers:Backend",
        trains=True,
        decoding=tuple(DECODING),
        recorded=("cache",),
        shared=True,
        batched=True,
    ),
    "vllm": Traits(
        "docphim.generate.vllm:Backend",
        needs=("exported",),
        decoding=tuple(DECODING),
        asking=("exported",),
        reads="exported",
        within=EXPORTED,
        package="vllm",
        shared=True,
        batched=True,
    ),
    "openai": Traits(
        "docphim.generate.openai:Backend",
        needs=("endpoint", "model"),
        decoding=("top_p",),
        recorded=("model", "body", "image_size", "shots"),
        asking=ENDPOINT,
        sends=True,
    ),
    "file": Traits(
        "docphim.generate.file:Backend",
        needs=("drafts",),
        recorded=("model", "allow"),
        asking=("drafts",),
        reads="drafts",
        images=("own",),
    ),
    "normal": Traits("docphim.generate.normal:Backend", images=("own",)),
}


def traits(backend: object) -> Traits:
    """What is known of a backend; of one that there is not, as of the run's own model."""
    return BACKENDS.get(str(backend), Traits("", trains=True))


def most_tokens(asked: int | str, longest: int | None) -> int:
    """How many tokens a draft may have, by `max_new_tokens` and the longest answer of the model's training.

    Raises
    ------
    UsageError
        `longest` is asked for, and the model's folder does not say how long that was.
    """
    if asked != LONGEST:
        return int(asked)
    if longest is None:
        raise UsageError("generate.max_new_tokens: longest needs a model that Docphim trained on answers; give a number")
    return math.ceil(SLACK * longest) + 1
