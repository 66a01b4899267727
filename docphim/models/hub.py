"""What transformers and the hub say while a checkpoint is read: kept quiet, kept off the network, turned into reasons."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from huggingface_hub import constants as hub_constants
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, RemoteEntryNotFoundError
from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from docphim.errors import Refused


@contextlib.contextmanager
def quietly(offline: bool) -> Iterator[None]:
    """Silence transformers' bars and tables; switch the hub off where the weights are local."""
    level, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    was_offline = hub_constants.HF_HUB_OFFLINE
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    hub_constants.HF_HUB_OFFLINE = was_offline or offline
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
        hub_constants.HF_HUB_OFFLINE = was_offline


@contextlib.contextmanager
def refusing(where: str) -> Iterator[None]:
    """Turn what the libraries raise about a checkpoint into a reason and a sentence.

    Raises
    ------
    Refused
        `weights_missing`: the hub did not answer, or has no such weights; `weights_layout`, `weights_unsafe`,
        `file_truncated`; `disk_full`, while downloading.
    """
    try:
        yield
    except SafetensorError as error:
        raise Refused("file_truncated", where, f"safetensors: {error}") from error
    except RuntimeError as error:
        if "size mismatch" not in str(error) and "ignore_mismatched_sizes" not in str(error):
            raise
        raise Refused("weights_layout", where, "weights and config.json differ in shape") from error
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise Refused("disk_full", where, "the disk is full: the weights were not stored") from error
        why = " ".join(str(error).split())[:300]
        unsafe = "safetensors" in why and "pytorch_model" in why
        reason = "weights_unsafe" if unsafe else "weights_missing" if _not_given(error) else "weights_layout"
        raise Refused(reason, where, why) from error


def _not_given(error: BaseException | None) -> bool:
    """Whether the hub is at the bottom of an error: transformers wraps what it says in an OSError."""
    while error is not None:
        if isinstance(error, RemoteEntryNotFoundError):
            return False  # the weights are there, one of their files is not
        if isinstance(error, (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled)):
            return True
        error = error.__cause__ or error.__context__
    return False
