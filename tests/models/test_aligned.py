"""The family put together from parts: its encoders, its conversations, published decoders and report encoders."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    BertModel,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    RobertaConfig,
    RobertaModel,
)
from transformers.models.phobert.tokenization_phobert import PhobertTokenizer

from docphim.errors import Refused, UsageError
from docphim.models import aligned, decode, load, meet, two_towers
from docphim.models.assemble import complete
from docphim.models.encode import collate, encode
from docphim.models.loaded import TinyText
from docphim.models.report_parts import report_parts, wants_words
from docphim.models.tiny import train_tokenizer
from docphim.recipe import Model
from docphim.study import Message

TEXTS = ["Bóng tim to. Không thấy tràn dịch màng phổi.", "Mô tả hình ảnh.", "Hai phổi sáng đều. Nốt mờ phổi phải."]
SIZES = {"vocab": 400, "hidden": 32, "layers": 1, "heads": 2, "vision_hidden": 32, "vision_layers": 2}
SIZES |= {"report_hidden": 32, "report_layers": 1}
TALK = [Message("system", "Bạn là trợ lý."), Message("user", "<video>\nMô tả hình ảnh."), Message("assistant", TEXTS[0])]


@dataclass
class Slices:
    frames: np.ndarray
    step_mm: float | None = 3.0


def stack(slices: int, seed: int = 0) -> Slices:
    return Slices(np.random.default_rng(seed).integers(0, 256, (slices, 56, 56, 3)).astype(np.uint8))


def make(seed: int = 0, **sizes):
    return load.create_tiny("aligned", TEXTS, 56, seed, {**SIZES, "reports": True, **sizes})


def logits(loaded, encoded):
    batch = collate(loaded, encoded, "right")
    batch.pop("labels")
    with torch.no_grad():
        return loaded.model.eval()(**batch).logits


@pytest.mark.parametrize("decoder", ["qwen2", "qwen3", "llama", "mistral"])
@pytest.mark.parametrize("encoder", [{"kind": "vit"}, {"kind": "resnet", "hidden": 64, "layers": 1}], ids=["vit", "resnet"])
def test_a_stack_is_read_whole_beside_others_of_any_height_and_saved_bit_for_bit(tmp_path, decoder, encoder):
    made = make(decoder=decoder, encoder=encoder)
    rows = [encode(made, TALK, [stack(n, n)]) for n in (5, 1, 12)]
    assert [row.input_ids.tolist().count(made.config.image_token_id) for row in rows] == [20, 4, 32]
    together = logits(made, rows)
    for row, beside in zip(rows, together, strict=True):
        assert torch.allclose(logits(made, [row])[0], beside[: row.length], atol=1e-5)
    other = encode(made, TALK, [stack(12, 99)])
    assert not torch.allclose(logits(made, [other])[0], together[2], atol=1e-3)
    load.save(made, tmp_path / "model")
    again = load.load_saved(tmp_path / "model")
    assert torch.equal(logits(again, rows), together)
    assert again.processor.reports.tokenize("phổi") == made.processor.reports.tokenize("phổi")


@pytest.mark.parametrize("encoder", ["vit", "resnet"])
def test_every_slice_reaches_what_is_written_and_its_place_counts(encoder):
    made = make(encoder={"kind": encoder, "hidden": 64})
    one = stack(8)
    before = logits(made, [encode(made, TALK, [one])])
    for place in range(8):
        changed = one.frames.copy()
        changed[place] = 255 - changed[place]
        assert not torch.equal(logits(made, [encode(made, TALK, [Slices(changed)])]), before)
    exchanged = Slices(one.frames[[2, 3, 0, 1, 4, 5, 6, 7]])  # two whole blocks of slices
    assert not np.allclose(*meet.image_vectors(made, [one, exchanged]), atol=1e-5)


def test_more_slices_than_the_encoder_has_places_for_are_refused():
    made = make()
    assert encode(made, TALK, [stack(160)]).media["stack_frames"].tolist() == [160]
    with pytest.raises(Refused, match=r"too_long.*161 slices"):
        encode(made, TALK, [stack(161)])


@pytest.mark.parametrize(
    ("sizes", "line"),
    [
        ({"encoder": {"kind": "unet"}}, r"model\.encoder\.kind: 'unet' is not one of vit, resnet"),
        ({"encoder": {"hidden": 33}}, r"model\.encoder\.hidden: 33 is no multiple of its 2 heads"),
        ({"encoder": {"kind": "resnet", "hidden": 32}}, r"model\.encoder\.hidden: 32 is no multiple of 64"),
        ({"encoder": {"tokens": (0, 1, 1)}}, r"model\.encoder\.tokens"),
        ({"encoder": {"patch": 0}}, r"model\.encoder\.patch: 0"),
        ({"encoder": {"width": 3}}, r"model\.encoder\.width: unknown"),
        ({"decoder": "gpt9"}, r"model\.tiny\.decoder: 'gpt9'"),
    ],
)
def test_sizes_that_make_no_model_are_a_mistake_of_the_recipe(sizes, line):
    with pytest.raises(UsageError, match=line):
        make(**sizes)


@pytest.mark.parametrize(("width", "hidden", "most"), [(32, 64, 6272), (1024, 8192, 2048 * (1024 + 8192) + 2048 + 8192)])
def test_the_projector_is_bounded(width, hidden, most):
    config = two_towers.AlignedConfig(vision_config={"hidden_size": width, "num_attention_heads": 1, "num_hidden_layers": 1})
    with torch.device("meta"):
        model = two_towers.AlignedModel(config)
        model.give_decoder(AutoModelForCausalLM.from_config(tiny_decoder(Qwen2Config, 300, hidden_size=hidden)))
    assert sum(p.numel() for p in model.projector.parameters()) == most


def tiny_decoder(kind, vocabulary, **values):
    small = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    small |= {"num_key_value_heads": 1, "head_dim": 16}
    return kind(vocab_size=vocabulary, **{**small, **values})


def published_decoder(folder: Path, kind, template: str | None) -> Path:
    spec = TinyText(("<s>", "</s>", "<|user|>"), "</s>", "</s>", template or "")
    tokenizer = train_tokenizer(TEXTS, 300, spec)
    tokenizer.pad_token = None
    tokenizer.chat_template = template
    AutoModelForCausalLM.from_config(
        tiny_decoder(kind, len(tokenizer), tie_word_embeddings=kind is Qwen2Config)
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


TEMPLATE = (
    "{% for message in messages %}<|user|>{{ message['role'] }}: {{ message['content'] | trim }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<|user|>assistant:{% endif %}"
)


@pytest.mark.parametrize("kind", [Qwen2Config, LlamaConfig, MistralConfig])
@pytest.mark.parametrize("template", [TEMPLATE, None], ids=["its own template", "no template"])
def test_a_published_decoder_answers_in_its_own_words_without_a_token_for_pictures(tmp_path, kind, template):
    section = Model(family="aligned", decoder=str(published_decoder(tmp_path / "decoder", kind, template)), tiny=SIZES)
    model = section.model_dump()
    made = load.create_tiny("aligned", TEXTS, 56, 0, {**SIZES, "answers": False})
    made = complete(made, model, TEXTS, 0, aligning=False)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "decoder")
    assert made.config.image_token_id >= theirs.config.vocab_size, "no row of the vocabulary is taken"
    row = encode(made, TALK, [stack(2)])
    written = made.tokenizer.decode(row.input_ids)
    asked, answer = "<image>" * 8 + "\nMô tả hình ảnh.", TEXTS[0]
    expected = {
        True: f"<|user|>system: Bạn là trợ lý.</s><|user|>user: {asked}</s><|user|>assistant: {answer}</s>",
        False: f"Bạn là trợ lý. USER: {asked} ASSISTANT: {answer}</s>",
    }
    assert written == expected[template is not None]
    learnt = made.tokenizer.decode(row.labels[row.labels != -100])
    assert learnt.strip() == TEXTS[0] + "</s>"
    state = theirs.state_dict()
    assert all(value.equal(state[name]) for name, value in made.model.decoder.state_dict().items())
    load.save(made, tmp_path / "model")
    again = load.load_saved(tmp_path / "model")
    assert torch.equal(logits(again, [row]), logits(made, [row]))
    prompt = encode(again, TALK[:2], [stack(2)], answer=False)
    [(text, finish)] = decode.generate(again, collate(again, [prompt], "left"), max_new_tokens=5)
    assert finish in ("length", "stop") and isinstance(text, str)


def test_parts_that_are_not_there_are_refused(tmp_path):
    made = load.create_tiny("aligned", TEXTS, 56, 0, {**SIZES, "answers": False})
    with pytest.raises(Refused, match=r"weights_missing.*model\.decoder"):
        complete(made, Model(family="aligned", decoder=str(tmp_path / "no")).model_dump(), TEXTS, 0, aligning=False)
    with pytest.raises(Refused, match=r"weights_missing.*model\.text_encoder"):
        complete(made, Model(family="aligned", text_encoder=str(tmp_path / "no")).model_dump(), TEXTS, 0, aligning=True)


LONG = (
    "Đầu - cổ: Không thấy hạch cổ bất thường. Tuyến giáp không to.\n"
    "Lồng ngực: Nốt mờ thùy trên phổi phải kích thước 12 mm, SUVmax 4,5. Không thấy tràn dịch màng phổi hai bên.\n"
    "Bụng - chậu: Gan không to, không thấy khối khu trú. Không thấy dịch ổ bụng."
)


def test_a_long_report_is_divided_by_regions_then_sentences_and_nothing_of_it_is_cut():
    tokenizer = train_tokenizer(TEXTS, 300, aligned.TINY)
    whole = tokenizer(LONG)["input_ids"]
    assert report_parts(LONG, tokenizer, len(whole)) == [whole]
    regions = report_parts(LONG, tokenizer, len(whole) - 1)
    assert [tokenizer.decode(part).split(":")[0] for part in regions] == ["Đầu - cổ", "Lồng ngực", "Bụng - chậu"]
    for longest in (60, 24, 7):
        parts = report_parts(LONG, tokenizer, longest)
        assert max(map(len, parts)) <= longest
        together = tokenizer.decode([token for part in parts for token in part])  # a part may end within a letter
        assert "".join(together.split()) == "".join(LONG.split())


def test_parts_count_by_their_tokens_in_a_reports_vector():
    made = make()
    short = TEXTS[0]
    [alone] = meet.report_vectors(made, [short])
    both = meet.report_vectors(made, [short, LONG * 3])
    assert np.allclose(both[0], alone, atol=1e-6) and np.allclose(np.linalg.norm(both, axis=1), 1, atol=1e-5)
    assert len(made.processor.parts(LONG * 3)) > 1


def bert(folder: Path, **options) -> Path:
    """A multilingual BERT's tokenizer, small: words and their pieces."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz"]
    words += ["tràn", "tran", "dịch", "dich", "màng", "mang", "phổi", "phoi", "phải", "phai", "Tràn"]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    values = {"tokenizer_class": "BertTokenizer", "model_max_length": 32, **options}
    (folder / "tokenizer_config.json").write_text(json.dumps(values), encoding="utf-8")
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=64, **sizes)).save_pretrained(folder)
    return folder


def aligned_with(folder: Path, **options):
    made = load.create_tiny("aligned", TEXTS, 56, 0, {**SIZES, "answers": False})
    section = Model(family="aligned", text_encoder={"weights": str(folder), **options})
    return complete(made, section.model_dump(), TEXTS, 0, aligning=True)


def test_a_published_report_encoder_is_read_and_saved_with_its_own_tokenizer(tmp_path):
    made = aligned_with(bert(tmp_path / "bert", do_lower_case=False))
    theirs = BertModel.from_pretrained(tmp_path / "bert").state_dict()
    assert all(value.equal(theirs[name]) for name, value in made.model.report.encoder.state_dict().items())
    assert made.config.report_longest == 32
    assert made.processor.reports.tokenize("Tràn dịch") == ["Tràn", "dịch"]
    vectors = meet.report_vectors(made, ["Tràn dịch", "tràn dịch"])
    assert not np.allclose(*vectors)
    load.save(made, tmp_path / "model")
    again = load.load_saved(tmp_path / "model")
    assert np.array_equal(meet.report_vectors(again, ["Tràn dịch", "tràn dịch"]), vectors)


def test_a_tokenizer_that_takes_accents_off_is_refused(tmp_path):
    with pytest.raises(Refused, match=r"weights_layout.*takes accents off"):
        aligned_with(bert(tmp_path / "bert", do_lower_case=True))


def phobert(folder: Path) -> Path:
    """PhoBERT's own tokenizer class on a vocabulary of a few words, joined by underscores as it was trained."""
    folder.mkdir()
    merges = ["t r", "tr à", "trà n</w>", "T r", "Tr à", "Trà n</w>", "p h", "ph ổ", "phổ i</w>"]
    (folder / "bpe.codes").write_text("\n".join(f"{merge} 1" for merge in merges) + "\n", encoding="utf-8")
    pieces = ["tràn", "Tràn", "phổi", *(f"{letter}@@" for letter in "tranTphổimàngdịcả_"), *"tranphổimàngdịcả"]
    (folder / "vocab.txt").write_text("\n".join(f"{piece} 1" for piece in dict.fromkeys(pieces)) + "\n", encoding="utf-8")
    tokenizer = PhobertTokenizer(str(folder / "vocab.txt"), str(folder / "bpe.codes"), model_max_length=256)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = RobertaConfig(vocab_size=len(tokenizer), max_position_embeddings=258, pad_token_id=1, **sizes)
    RobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_phobert_gets_words_joined_or_is_told_that_it_gets_syllables(tmp_path, monkeypatch):
    folder = phobert(tmp_path / "phobert")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"text_encoder\.words: true needs underthesea"):
        aligned_with(folder)
    monkeypatch.undo()
    made = aligned_with(folder, words=False)
    tokenizer = made.processor.reports
    assert wants_words(tokenizer) and made.config.report_longest == 256 and not made.config.report_words
    assert tokenizer.tokenize("Tràn phổi") == ["Tràn", "phổi"] and tokenizer.tokenize("tràn phổi") == ["tràn", "phổi"]
    [ids] = made.processor.parts("Tràn phổi")
    assert tokenizer.convert_ids_to_tokens(ids) == ["<s>", "Tràn", "phổi", "</s>"]
    load.save(made, tmp_path / "model")
    again = load.load_saved(tmp_path / "model")
    assert type(again.processor.reports).__name__ == "PhobertTokenizer" and again.processor.parts("Tràn phổi") == [ids]


def test_words_are_joined_by_underscores_as_the_segmenter_tells_them(tmp_path, monkeypatch):
    class Segmenter:
        @staticmethod
        def word_tokenize(text, format):
            return text.replace("màng phổi", "màng_phổi")

    monkeypatch.setitem(__import__("sys").modules, "underthesea", Segmenter)
    tokenizer = train_tokenizer(["màng_phổi"] * 3, 300, aligned.TINY)
    [joined] = report_parts("Tràn dịch màng phổi.", tokenizer, 200, words=True)
    assert tokenizer.decode(joined) == "Tràn dịch màng_phổi."
    [apart] = report_parts("Tràn dịch màng phổi.", tokenizer, 200)
    assert tokenizer.decode(apart) == "Tràn dịch màng phổi."
