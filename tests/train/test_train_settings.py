"""The recipe's settings reach the trainer, the early look, and what is said where torch is missing."""

import subprocess
import sys

import pytest
from rich.text import Text
from tiny_training import TEXTS, model_section

from docphim import recipe
from docphim.files import read_examples
from docphim.models.load import save
from docphim.train.look import look
from docphim.train.model import open_model
from docphim.train.settings import TrainSettings


def test_the_trainers_settings_are_the_recipes():
    assert vars(TrainSettings()) == recipe.Train().model_dump()


def green(markup: str) -> str:
    text = Text.from_markup(markup)
    return "".join(text.plain[s.start : s.end] for s in text.spans if s.style == "bold green")


@pytest.mark.parametrize("published", [False, True])
def test_the_early_look_shows_the_first_examples_with_their_trained_tokens(dataset, tmp_path, published):
    section = model_section()
    if published:
        save(open_model(section, TrainSettings(), read_examples(dataset, "train")), tmp_path / "weights")
        (tmp_path / "weights" / "model.safetensors").unlink()  # nothing of it is needed
        section = model_section(weights=str(tmp_path / "weights"))
    (first, shown), (second, _) = look(dataset, model=section, train={}, count=2)
    assert first.startswith("train000-findings, ") and second.startswith("train001-findings, ")
    assert green(shown) == TEXTS[0] + "<|im_end|>"
    assert "[image x 4]" in Text.from_markup(shown).plain


@pytest.mark.parametrize(
    "call",
    [
        "from docphim.train import train; train(Path('d'), Path('r'), model={}, train={})",
        "from docphim.train.look import look; list(look(Path('d'), model={}, train={}, count=1))",
        "from docphim.models import family; family('qwen_vl')",
    ],
)
def test_without_torch_the_message_has_the_command_that_installs_it(call):
    code = f"import sys; sys.modules['torch'] = None\nfrom pathlib import Path\n{call}"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")
    assert "UsageError: torch is not installed; models need: pip install 'docphim[train]'" in out.stderr
