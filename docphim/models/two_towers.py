"""The model of the family `aligned`: an image encoder and a report encoder that meet in one space, a projector, a decoder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    GenerationMixin,
    PreTrainedConfig,
    PreTrainedModel,
    initialization,
)
from transformers.utils import ModelOutput

from docphim.models.stack_encoder import ENCODERS, StackEncoderConfig, StackViT, pooled

#: The projector's inner width at most: it has never more than so many parameters for each width of encoder and decoder.
INNER = 2048
#: Logits are never sharpened more than this (Radford et al. 2021, section 2.5).
SHARPEST = 100.0
#: The temperature that training begins with (the same, section 2.5).
TEMPERATURE = 0.07


class AlignedConfig(PreTrainedConfig):
    """Parts of an aligned model: `text_config` is the decoder's, `report_config` the report encoder's; None where it has none.

    `report_longest` is how many tokens of a report go into its encoder at a time, `report_words` whether words are joined by
    underscores before (`docphim.models.report_parts`).  `features` is the folder of stored features, where there are any.
    """

    model_type = "docphim_aligned"
    sub_configs = {"vision_config": StackEncoderConfig, "text_config": AutoConfig, "report_config": AutoConfig}  # noqa: RUF012

    def __init__(
        self,
        vision_config: Any = None,
        text_config: Any = None,
        report_config: Any = None,
        image_token_id: int | None = None,
        report_longest: int = 256,
        report_words: bool = False,
        features: str | None = None,
        initializer_range: float = 0.02,
        **kwargs: Any,
    ) -> None:
        vision = dict(vision_config or {}) if not isinstance(vision_config, PreTrainedConfig) else vision_config
        self.vision_config = StackEncoderConfig(**vision) if isinstance(vision, dict) else vision
        self.text_config, self.report_config = _config(text_config), _config(report_config)
        self.image_token_id, self.report_longest, self.report_words = image_token_id, report_longest, report_words
        self.features, self.initializer_range = features, initializer_range
        kwargs.setdefault("tie_word_embeddings", False)
        super().__init__(**kwargs)


def _config(values: Any) -> PreTrainedConfig | None:
    """A part's configuration from what config.json holds."""
    return AutoConfig.for_model(**values) if isinstance(values, dict) else values


@dataclass
class AlignedOutput(ModelOutput):
    """Logits where a conversation is read; else unit vectors of images and of reports, (n, shared), and 1/temperature."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Any = None
    images: Tensor | None = None
    reports: Tensor | None = None
    scale: Tensor | None = None


class ImageTower(nn.Module):
    """A 3-D encoder, and the head that takes its mean feature into the shared space."""

    def __init__(self, config: StackEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = ENCODERS[config.kind](config)
        self.head = nn.Linear(config.hidden_size, config.shared, bias=False)

    def forward(self, shown: Tensor, frames: list[int]) -> list[Tensor]:
        """Slices (ΣT, 3, h, w), or stored features (Σn, width), and how many each stack has, to grids of features."""
        grids: list[Tensor] = self.encoder(shown.split(frames))
        return grids


class ReportTower(nn.Module):
    """A text encoder, and the head that takes the mean of its tokens into the shared space."""

    def __init__(self, encoder: Any, shared: int) -> None:
        super().__init__()
        self.encoder = encoder
        encoder.config.use_cache = False  # it writes nothing, so there is nothing to go on from
        self.head = nn.Linear(int(encoder.config.hidden_size), shared, bias=False)

    def forward(self, ids: Tensor, mask: Tensor, parts: Tensor) -> Tensor:
        """Parts of reports, (m, length), and how many each report has, (n,), to unit vectors (n, shared).

        A report is the mean of its tokens, whichever part they stand in.
        """
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state.float() * mask[..., None]
        of = torch.repeat_interleave(torch.arange(len(parts), device=ids.device), parts, output_size=len(ids))
        zeros = states.new_zeros(len(parts), states.shape[-1])
        sums = zeros.index_add(0, of, states.sum(1))
        counts = mask.new_zeros(len(parts)).index_add(0, of, mask.sum(1))
        return unit(self.head(sums / counts[:, None]))


def without_pooler(config: PreTrainedConfig) -> Any:
    """A text encoder of a configuration, random; without BERT's pooler, which nothing here asks."""
    try:
        return AutoModel.from_config(config, add_pooling_layer=False)
    except TypeError:
        return AutoModel.from_config(config)


def unit(vectors: Tensor) -> Tensor:
    """Vectors of length 1, in float32."""
    return functional.normalize(vectors.float(), dim=-1)


class AlignedModel(PreTrainedModel, GenerationMixin):
    """An image encoder beside a report encoder, or before a decoder, or both."""

    config_class = AlignedConfig
    base_model_prefix = ""
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True

    def __init__(self, config: AlignedConfig) -> None:
        super().__init__(config)
        vision = config.vision_config
        self.vision = ImageTower(vision)
        self.report: Any = None
        self.logit_scale: Any = None
        self.projector: Any = None
        self.decoder: Any = None
        if config.report_config is not None:
            self._add_reports(without_pooler(config.report_config))
        if config.text_config is not None:
            self._add_decoder(AutoModelForCausalLM.from_config(config.text_config))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Normal numbers of the configured spread; norms 1, biases 0 (`post_init` leaves the inner models to themselves)."""
        super()._init_weights(module)
        if isinstance(module, StackViT):
            initialization.normal_(module.in_plane, std=self.config.initializer_range)
            initialization.normal_(module.along, std=self.config.initializer_range)
        if module is self and self.logit_scale is not None:
            initialization.constant_(self.logit_scale, math.log(1 / TEMPERATURE))

    def _add_reports(self, encoder: Any) -> None:
        self.report = ReportTower(encoder, self.config.vision_config.shared)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / TEMPERATURE)))

    def _add_decoder(self, decoder: Any) -> None:
        width = int(decoder.config.hidden_size)
        inner = min(width, INNER)
        self.projector = nn.Sequential(
            nn.Linear(self.config.vision_config.hidden_size, inner), nn.GELU(), nn.Linear(inner, width)
        )
        self.decoder = decoder

    def give_reports(self, encoder: Any) -> None:
        """Add a report encoder, with a fresh head."""
        self.config.report_config = encoder.config
        self._add_reports(encoder)
        self._init_weights(self.report.head)

    def give_decoder(self, decoder: Any) -> None:
        """Add a decoder, with a fresh projector."""
        self.config.text_config = decoder.config
        self._add_decoder(decoder)
        self.projector.apply(self._init_weights)
        self.all_tied_weights_keys = self.get_expanded_tied_weights_keys(all_submodels=True)

    def get_input_embeddings(self) -> Any:
        """The decoder's, or the report encoder's."""
        inner = self.decoder if self.decoder is not None else getattr(self.report, "encoder", None)
        return None if inner is None else inner.get_input_embeddings()

    def get_output_embeddings(self) -> Any:
        """The decoder's."""
        return None if self.decoder is None else self.decoder.get_output_embeddings()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        stack_features: Tensor | None = None,
        stack_frames: Tensor | None = None,
        report_ids: Tensor | None = None,
        report_mask: Tensor | None = None,
        report_parts: Tensor | None = None,
        labels: Tensor | None = None,
        past_key_values: Any = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        **unused: Any,
    ) -> AlignedOutput:
        """Read a conversation with its stacks, or, without one, take stacks and reports into the shared space."""
        shown = pixel_values if stack_features is None else stack_features
        if input_ids is None:
            grids = [] if shown is None else self.vision(shown, _counts(stack_frames))
            return self._met(grids, report_ids, report_mask, report_parts)
        ids, places = input_ids, torch.zeros_like(input_ids, dtype=torch.bool)
        if self.config.image_token_id is not None:
            places = input_ids == self.config.image_token_id
            ids = input_ids.masked_fill(places, 0)  # published vocabularies have no such token, and no row for it
        embedded = self.decoder.get_input_embeddings()(ids)
        if shown is not None:
            seen = self.projector(self.seen(shown, stack_frames))
            embedded = embedded.masked_scatter(places[..., None], seen.to(embedded.dtype))
        out = self.decoder(
            inputs_embeds=embedded,
            attention_mask=attention_mask,
            position_ids=position_ids,
            labels=labels,
            past_key_values=past_key_values,
            use_cache=use_cache,
            logits_to_keep=logits_to_keep,
        )
        return AlignedOutput(loss=out.loss, logits=out.logits, past_key_values=out.past_key_values)

    def seen(self, shown: Tensor, frames: Tensor | None) -> Tensor:
        """What the projector is given of slices or stored features, (tokens, width).

        What was made before comes in three dimensions (`train.cache_features`), and goes out as it is.
        """
        if shown.dim() == 3:
            return shown[0]
        slices = _counts(frames)
        grids = self.vision(shown, slices)
        return torch.cat([pooled(grid, self.config.vision_config, n) for grid, n in zip(grids, slices, strict=True)])

    def _met(self, grids: list[Tensor], ids: Any, mask: Any, parts: Any) -> AlignedOutput:
        """Both sides in the shared space; a side that is not given is None."""
        images = unit(self.vision.head(torch.stack([grid.float().flatten(0, 2).mean(0) for grid in grids]))) if grids else None
        reports = None if ids is None else self.report(ids, mask, parts)
        return AlignedOutput(images=images, reports=reports, scale=self.logit_scale.exp().clamp(max=SHARPEST))


def _counts(frames: Tensor | None) -> list[int]:
    return [] if frames is None else [int(n) for n in frames.tolist()]


def register() -> None:
    """Let transformers' automatic classes know the model."""
    AutoConfig.register(AlignedConfig.model_type, AlignedConfig, exist_ok=True)
    AutoConfig.register(StackEncoderConfig.model_type, StackEncoderConfig, exist_ok=True)
    AutoModelForImageTextToText.register(AlignedConfig, AlignedModel, exist_ok=True)
