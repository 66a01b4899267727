"""Images aligned with reports: the loss, a step cut up in any way, what stands on it afterwards."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from tiny_training import example, killed_at, model_section, same, train_section, weights
from transformers import AutoModelForCausalLM, Qwen2Config

from docphim.errors import Refused, UsageError
from docphim.files import read_examples, read_json, read_jsonl, write_jsonl
from docphim.imaging import store
from docphim.models import aligned, meet, two_towers
from docphim.models.load import load_saved
from docphim.models.tiny import train_tokenizer
from docphim.recipe import Train
from docphim.study import Message, to_row
from docphim.train import align, loop, train
from docphim.train.losses import clip
from docphim.train.model import open_model
from docphim.train.processes import Processes
from docphim.train.prompts import prompts_of
from docphim.train.reports import Reports, alignable, meaning
from docphim.train.settings import TrainSettings

SIZES = {"vocab": 300, "hidden": 32, "layers": 1, "heads": 2, "vision_hidden": 32, "vision_layers": 1}
SIZES |= {"report_hidden": 32, "report_layers": 1}
HEARTS = ("Tim không to.", "Bóng tim to.")
PLEURAE = ("Không thấy tràn dịch màng phổi.", "Tràn dịch màng phổi phải.")
LUNGS = ("Hai phổi sáng đều.", "Đông đặc đáy phổi trái.", "Nốt mờ thùy trên phổi phải.")
REPORTS = [f"{heart} {pleura} {lung}" for heart in HEARTS for pleura in PLEURAE for lung in LUNGS]


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> Path:
    """Twelve reports, two films each, and four to validate on."""
    folder = tmp_path_factory.mktemp("data") / "0123abcd"
    (folder / "prepared").mkdir(parents=True)
    random, index = np.random.default_rng(0), []
    for split, count in (("train", 24), ("val", 4)):
        rows = []
        for number in range(count):
            one = example(number, split, REPORTS[number % 12])
            film = random.integers(0, 65535, (64, 60)).astype(np.uint16)
            path = one.media[0].volumes["xray"]
            index.append({"path": path, **store.write(folder / path, film, {})})
            rows.append(to_row(one))
        write_jsonl(folder / "examples" / f"{split}.jsonl", rows)
    write_jsonl(folder / "prepared" / "index.jsonl", index)
    return folder


def section(**changes) -> dict:
    return model_section(family="aligned", tiny=SIZES, **changes)


def settings(**changes) -> dict:
    return train_section(**{"loss": "clip", "batch_size": 4, **changes})


def vectors(n: int, seed: int = 0):
    random = torch.Generator().manual_seed(seed)
    return (torch.nn.functional.normalize(torch.randn(n, 8, generator=random), dim=1) for _ in range(2))


def test_the_loss_is_the_symmetric_cross_entropy_without_pairs_that_are_no_negatives():
    images, reports = vectors(5)
    meanings = torch.tensor([[1, 10], [2, 11], [3, 10], [2, 12], [4, 13]])  # 0 and 2 say the same, 1 and 3 are of one study
    ours = clip(align.sides(images, reports, torch.tensor(7.0), meanings))
    near = 7.0 * (images @ reports.T).double().numpy()
    left_out = {(0, 2), (2, 0), (1, 3), (3, 1)}
    losses = []
    for i in range(5):
        others = [j for j in range(5) if (i, j) not in left_out]
        losses.append(np.log(np.exp(near[i, others]).sum()) - near[i, i])
        losses.append(np.log(np.exp(near[others, i]).sum()) - near[i, i])
    assert float(ours) == pytest.approx(np.mean(losses), abs=1e-6)
    assert float(clip(align.sides(images, reports, torch.tensor(7.0), torch.arange(5)[:, None]))) > float(ours)


def test_reports_of_equal_facts_have_one_meaning_and_the_order_of_sentences_none():
    assert meaning("Bóng tim to. Tràn dịch màng phổi phải.", "vi") == meaning("Tràn dịch màng phổi phải. Bóng tim to.", "vi")
    assert meaning("Tràn dịch màng phổi phải.", "vi") != meaning("Tràn dịch màng phổi trái.", "vi")
    assert meaning("Abc xyz.", "vi") == meaning("abc  xyz.", "vi") != meaning("Abc.", "vi")


def gradients(films: Path, cut: list[list[int]], dropout: float = 0.0, world: int = 1) -> dict[str, torch.Tensor]:
    """The gradients of one step over the examples 0 … 7, in these micro-batches."""
    rows = read_examples(films, "train")
    loaded = open_model(section(freeze=[]), TrainSettings(loss={"kind": "clip"}), rows)
    examples = Reports(loaded, films, rows, blind=False)
    for module in loaded.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    loaded.model.train()
    torch.manual_seed(3)
    alignment = align.Alignment(loaded, Processes(), clip)
    alignment.backward(loaded.model, [examples.collate([examples[i] for i in part]) for part in cut])
    return {name: p.grad for name, p in loaded.model.named_parameters() if p.requires_grad}


def test_a_step_has_the_same_gradients_however_it_is_cut_up(films):
    whole = gradients(films, [[*range(8)]])
    assert whole.keys() and all(gradient is not None and gradient.abs().max() > 0 for gradient in whole.values())
    for cut in ([[0, 1, 2, 3], [4, 5, 6, 7]], [[0, 1], [2, 3, 4], [5, 6, 7]]):
        parts = gradients(films, cut)
        assert max(float((parts[name] - whole[name]).abs().max()) for name in whole) <= 1e-5
    alone = gradients(films, [[0, 1, 2, 3]])
    assert max(float((alone[name] - whole[name]).abs().max()) for name in whole) > 1e-3


def test_with_dropout_the_second_pass_is_the_first_one_again(films, monkeypatch):
    met = []
    plain = align.Alignment._met
    monkeypatch.setattr(align.Alignment, "_met", lambda self, *a: met.append(plain(self, *a)) or met[-1])
    gradients(films, [[0, 1, 2, 3], [4, 5, 6, 7]], dropout=0.3)
    (one, two), (again, anew) = met[:2], met[2:]
    assert torch.equal(one[1], again[1]) and torch.equal(two[1], anew[1])
    gradients(films, [[0, 1, 2, 3], [4, 5, 6, 7]])
    assert not torch.equal(met[4][1], one[1]), "the dropout acts"


def test_two_processes_are_one_and_their_reports_are_each_others_negatives(films, tmp_path):
    train(films, tmp_path / "one", model=section(freeze=[]), train=settings(accumulate=2, evaluations=1))
    train(films, tmp_path / "two", model=section(freeze=[]), train=settings(processes=2, evaluations=1))
    ours, theirs = weights(tmp_path / "two", 4), weights(tmp_path / "one", 4)
    assert ours.keys() == theirs.keys() and {name.partition(".")[0] for name in ours} == {"vision", "report", "logit_scale"}
    assert max(float((ours[name] - theirs[name]).abs().max()) for name in ours) <= 1e-6
    logs = {name: list(read_jsonl(tmp_path / name / "log.jsonl")) for name in ("one", "two")}
    losses = {name: [row.get("loss", row.get("val/loss")) for row in rows] for name, rows in logs.items()}
    assert losses["one"] == pytest.approx(losses["two"], abs=1e-6) and len(losses["one"]) == 5


def test_an_alignment_that_is_killed_goes_on_with_the_same_bits(films, tmp_path):
    recipe = settings(accumulate=2, evaluations=4)
    train(films, tmp_path / "whole", model=section(freeze=[]), train=recipe)
    killed_at((loop, "_save", 3), lambda: train(films, tmp_path / "run", model=section(freeze=[]), train=recipe))
    assert not (tmp_path / "run" / "model").exists()
    train(films, tmp_path / "run", model=section(freeze=[]), train=recipe)
    assert same(weights(tmp_path / "run", 4), weights(tmp_path / "whole", 4))


@pytest.fixture(scope="module")
def learnt(films, tmp_path_factory) -> Path:
    """An alignment that has learnt its twenty-four films by heart."""
    torch.set_num_threads(1)
    run = tmp_path_factory.mktemp("runs") / "align"
    train(films, run, model=section(freeze=[]), train=settings(max_steps=120, batch_size=12, learning_rate=3e-3, evaluations=1))
    return run


def test_what_is_learnt_brings_images_to_their_reports(films, learnt):
    loaded, rows = load_saved(learnt / "model"), read_examples(films, "train")
    examples = Reports(loaded, films, rows, blind=False)
    seen = meet.image_vectors(loaded, [examples.drawn(row.media[0]) for row in rows])
    read = meet.report_vectors(loaded, REPORTS)
    assert float(np.mean(np.argmax(seen @ read.T, axis=1) == np.arange(24) % 12)) > 0.8
    labels = meet.ZeroShot(loaded, {"heart": {"positive": [HEARTS[1]], "negative": [HEARTS[0]]}})
    drafts = labels.drafts(seen)
    assert sum(draft == HEARTS[number % 12 // 6] for number, draft in enumerate(drafts)) > 16


def test_its_card_and_folder_say_that_it_answers_nothing(learnt):
    card = (learnt / "model" / "README.md").read_text(encoding="utf-8")
    assert "Matches with radiology reports" in card and "Drafts radiology" not in card
    assert not meet.answers(load_saved(learnt / "model"))


def test_a_projector_and_then_adapters_are_trained_on_it_with_all_else_frozen(films, learnt, tmp_path):
    start = {name: p.clone() for name, p in load_saved(learnt / "model").model.named_parameters()}
    few = train_section(max_steps=2, evaluations=1)
    train(films, tmp_path / "second", model=section(weights=str(learnt), freeze=["vision", "language"]), train=few)
    assert {name.partition(".")[0] for name in weights(tmp_path / "second", 2)} == {"projector"}
    second = load_saved(tmp_path / "second" / "model")
    now = dict(second.model.named_parameters())
    assert all(now[name].equal(value) for name, value in start.items())
    third = section(weights=str(tmp_path / "second"), tune="lora", freeze=["vision"], lora={"rank": 2})
    train(films, tmp_path / "third", model=third, train=few)
    assert all(".lora_" in name and "decoder" in name for name in weights(tmp_path / "third", 2))
    loaded = load_saved(tmp_path / "third" / "model")
    assert meet.meets(loaded) and meet.answers(loaded)
    core = dict(loaded.core.named_parameters())
    assert all(core[name.replace("q_proj.", "q_proj.base_layer.")].equal(p) for name, p in now.items() if "vision" in name)


def test_another_alignment_under_a_projector_is_another_training(films, learnt, tmp_path):
    """Where the first stage is made anew, no checkpoint of the second is gone on from."""
    few = train_section(max_steps=2, evaluations=2)
    keys = []
    for run, seed in (("a", 0), ("b", 1)):
        train(films, tmp_path / run, model=section(freeze=[]), train=settings(max_steps=1, evaluations=1, seed=seed))
        (tmp_path / "first").exists() and (tmp_path / "first").rename(tmp_path / "old")
        (tmp_path / run).rename(tmp_path / "first")
        train(films, tmp_path / "run", model=section(weights=str(tmp_path / "first")), train=few)
        keys.append(read_json(tmp_path / "run" / "checkpoints" / "checkpoint-2" / "manifest.json")["key"])
    assert keys[0] != keys[1]


def test_prompts_are_sentences_of_several_patients_that_affirm_or_deny_a_label(films):
    rows = read_examples(films, "train")
    prompts = prompts_of(rows, films)
    effusion = next(sides for name, sides in prompts.items() if name.lower().endswith("pleural effusion"))
    assert effusion["positive"] == ["Tràn dịch màng phổi phải."] and "Không thấy tràn dịch màng phổi." in effusion["negative"]
    rare = prompts_of(rows[:2], films)
    assert rare == {}, "a sentence of one patient is no prompt"


@pytest.mark.parametrize(
    "changes",
    [{"blind": True}, {"augment": ["text"]}, {"cache_features": True}, {"shard": "fsdp"}, {"keep_best": "val/rougeL"}],
    ids=str,
)
def test_what_an_alignment_has_no_use_for_is_refused(changes):
    with pytest.raises(ValidationError, match=f"{next(iter(changes))}: an alignment"):
        Train.model_validate({"loss": "clip", **changes})


def test_what_cannot_be_aligned_is_refused(films, tmp_path):
    rows = read_examples(films, "train")
    odd = tmp_path / "0123abcd"
    odd.mkdir()
    (odd / "prepared").symlink_to(films / "prepared")

    def refused(kind, line, examples):
        write_jsonl(odd / "examples" / "train.jsonl", [to_row(one) for one in examples])
        write_jsonl(odd / "examples" / "val.jsonl", [])
        with pytest.raises(kind, match=line):
            train(odd, tmp_path / "run", model=section(freeze=[]), train=settings())

    blind = dataclasses.replace(rows[1], media=[], messages=[Message("user", "Mô tả."), *rows[1].messages[1:]])
    silent = dataclasses.replace(rows[1], messages=rows[1].messages[:1])
    for others in ([blind], [silent], [rows[0]], [blind, silent]):
        refused(Refused, "empty_dataset.*not two of them", [rows[0], *others])
    assert alignable([rows[0], blind, rows[2], silent]) == [rows[0], rows[2]]
    with pytest.raises(UsageError, match="has no such option"):
        train(films, tmp_path / "run", model=section(), train=settings(loss={"kind": "clip", "temperature": 1}))


def test_stored_features_are_aligned_and_projected_like_an_encoders(films, tmp_path):
    place = tmp_path / "features"
    place.mkdir()
    for split in ("train", "val"):
        for number, row in enumerate(read_examples(films, split)):
            random = torch.Generator().manual_seed(number % 12)
            save_file(
                {"features": torch.randn(4, 16, generator=random)}, place / f"{row.study}.safetensors", {"study": row.study}
            )
    stored = {"features": str(place), "freeze": []}
    recipe = settings(max_steps=60, batch_size=12, learning_rate=3e-3, evaluations=1)
    train(films, tmp_path / "first", model=section(**stored), train=recipe)
    assert list(read_jsonl(tmp_path / "first" / "log.jsonl"))[-1]["val/recall5"] == 100
    second = section(**stored | {"weights": str(tmp_path / "first"), "freeze": ["vision", "language"]})
    train(films, tmp_path / "second", model=second, train=train_section(max_steps=1, evaluations=1))
    assert {name.partition(".")[0] for name in weights(tmp_path / "second", 1)} == {"projector"}


def test_all_stages_compute_in_bfloat16_and_a_published_decoder_stays_in_it(films, tmp_path):
    decoder = tmp_path / "decoder"
    tokenizer = train_tokenizer(REPORTS, 300, aligned.TINY)
    tokenizer.chat_template = None
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"num_key_value_heads": 1}
    AutoModelForCausalLM.from_config(Qwen2Config(vocab_size=len(tokenizer), **sizes)).save_pretrained(decoder)
    tokenizer.save_pretrained(decoder)
    few = {"max_steps": 2, "evaluations": 1, "precision": "bf16"}
    train(films, tmp_path / "first", model=section(freeze=[]), train=settings(**few))
    second = section(weights=str(tmp_path / "first"), decoder=str(decoder), freeze=["vision", "language"])
    train(films, tmp_path / "second", model=second, train=train_section(**few))
    third = section(weights=str(tmp_path / "second"), decoder=str(decoder), tune="lora", lora={"rank": 2})
    train(films, tmp_path / "third", model=third, train=train_section(**few))
    core = dict(load_saved(tmp_path / "third" / "model").core.named_parameters())
    kinds: dict[str, set] = {}
    for name, parameter in core.items():
        if ".lora_" not in name:
            kinds.setdefault(name.partition(".")[0], set()).add(parameter.dtype)
    assert (kinds["decoder"], kinds["vision"], kinds["projector"]) == ({torch.bfloat16}, {torch.float32}, {torch.float32})
    rows = [row for run in ("first", "second", "third") for row in read_jsonl(tmp_path / run / "log.jsonl")]
    losses = [row["loss"] for row in rows if "loss" in row]
    assert len(losses) == 6 and np.isfinite(losses).all()


def test_what_a_frozen_encoder_makes_of_stacks_may_be_kept(films, learnt, tmp_path, monkeypatch):
    second = section(weights=str(learnt), freeze=["vision"])
    seen = []
    plain = two_towers.ImageTower.forward
    monkeypatch.setattr(two_towers.ImageTower, "forward", lambda self, *a: seen.append(len(a[1])) or plain(self, *a))
    for name, cached in (("plain", False), ("kept", True)):
        few = train_section(max_steps=12, batch_size=8, evaluations=1, cache_features=cached)
        train(films, tmp_path / name, model=second, train=few)
        seen.append(None)
    first, later = seen[: seen.index(None)], seen[seen.index(None) + 1 : -1]
    assert sum(first) == 12 * 8 + 4 and sum(later) == 24 + 4, "each film once, and those that are validated on"
    ours, theirs = weights(tmp_path / "kept", 12), weights(tmp_path / "plain", 12)
    assert max(float((ours[name] - theirs[name]).abs().max()) for name in theirs) <= 1e-4
