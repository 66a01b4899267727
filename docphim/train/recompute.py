"""Gradient checkpointing: activations computed anew in the backward pass instead of being remembered."""

from __future__ import annotations

from typing import Any


def recompute(core: Any, wanted: bool) -> None:
    """Switch it on or off for a transformers model.

    The hook that makes embeddings require a gradient is only for the reentrant kind; here it would wake a frozen encoder.
    """
    # transformers 5.23 calls it so; 5.17 has the old names only.
    prefix = "activation" if hasattr(core, "activation_checkpointing_enable") else "gradient"
    if not wanted:
        getattr(core, f"{prefix}_checkpointing_disable")()
        return
    getattr(core, f"{prefix}_checkpointing_enable")({"use_reentrant": False})
    core.disable_input_require_grads()
