"""How wide the random weights of a small model are drawn."""

import pytest
from tiny_models import ARCHITECTURES, make

from docphim.errors import UsageError
from docphim.models import family as family_of
from docphim.models.tune import part_of


def spreads(loaded) -> dict[str, float]:
    """The standard deviation of each part's largest matrix."""
    largest = {}
    for name, weight in loaded.model.named_parameters():
        part = part_of(name, family_of(loaded.family).PARTS)
        if weight.ndim > 1 and part != "projector" and weight.numel() > largest.get(part, (0, None))[0]:
            largest[part] = (weight.numel(), float(weight.detach().std()))
    return {part: spread for part, (_, spread) in largest.items()}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_decoders_are_drawn_as_wide_as_asked(architecture):
    assert spreads(make(architecture, init=0.1))["language"] == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("architecture", ["qwen2_5_vl", "qwen2_vl", "qwen3_vl", "internvl-qwen3"])
def test_encoders_without_a_rule_of_their_own_are_too(architecture):
    assert spreads(make(architecture, init=0.1))["vision"] == pytest.approx(0.1, rel=0.1)


def test_unasked_they_are_drawn_as_those_of_large_models():
    assert spreads(make("qwen2_5_vl")) == pytest.approx({"language": 0.02, "vision": 0.02}, rel=0.1)


@pytest.mark.parametrize("init", [0, -0.1, 2, True, "wide"])
def test_a_spread_that_is_none_is_refused(init):
    with pytest.raises(UsageError, match=r"model\.tiny\.init: .* is not a number above 0"):
        make("qwen2_5_vl", init=init)
