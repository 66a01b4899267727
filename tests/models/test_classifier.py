"""A text classifier in place of the rules: a tiny BERT of the real architecture, saved to disk."""

import json

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from docphim.errors import Refused, UsageError
from docphim.language.labels import label_names, label_reader

REPORTS = ["Small left pleural effusion.", "No nodule. " * 200, "", "Hiatal hernia and emphysema."]


def tokenizer():
    core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    core.train_from_iterator(REPORTS, trainers.WordPieceTrainer(vocab_size=200, special_tokens=special, show_progress=False))
    core.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    return PreTrainedTokenizerFast(tokenizer_object=core, model_max_length=64, **named)


def save(folder, labels):
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=200,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
        problem_type="multi_label_classification",
    )
    model = BertForSequenceClassification(config).eval()
    torch.nn.init.normal_(model.classifier.weight, std=2.0)  # so that the labels of a report differ
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return model


def test_states_are_the_sigmoids_of_the_model_by_name(tmp_path):
    names = label_names("ct_rate")
    shuffled = [name.upper().replace(" ", "_") for name in reversed(names)]
    model = save(tmp_path, shuffled)
    answers = label_reader(f"hf:{tmp_path}", "ct_rate", "en")(REPORTS)
    assert [list(answer) for answer in answers] == [list(names)] * len(REPORTS)
    assert {state for answer in answers for state in answer.values()} == {"positive", "negative"}
    for text, answer in zip(REPORTS, answers, strict=True):
        coded = tokenizer()([text], truncation=True, max_length=64, return_tensors="pt")
        with torch.inference_mode():
            likely = torch.sigmoid(model(**coded).logits)[0]
        expected = {name: "positive" if likely[17 - i] >= 0.5 else "negative" for i, name in enumerate(names)}
        assert answer == expected


def test_a_reports_labels_do_not_depend_on_its_batch(tmp_path):
    save(tmp_path, label_names("chexpert"))
    read = label_reader(f"hf:{tmp_path}", "chexpert", "en")
    assert read(REPORTS * 10) == [read([text])[0] for text in REPORTS] * 10


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (label_names("vindr"), "28 labels and the set 18"),
        (("Pleural fluid", *label_names("ct_rate")[1:]), "lacks 'Medical material'; it has 'Pleural fluid'"),
    ],
)
def test_a_model_with_other_labels_is_refused(tmp_path, labels, why):
    save(tmp_path, labels)
    with pytest.raises(Refused, match=why) as refused:
        label_reader(f"hf:{tmp_path}", "ct_rate", "en")
    assert refused.value.reason == "labels_differ"


def test_weights_that_cannot_be_trusted_are_refused(tmp_path):
    names = label_names("ct_rate")
    save(tmp_path / "pickled", names)
    (tmp_path / "pickled" / "model.safetensors").rename(tmp_path / "pickled" / "pytorch_model.bin")
    save(tmp_path / "code", names)
    config = json.loads((tmp_path / "code" / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Mine", "AutoModelForSequenceClassification": "mine.Mine"}}
    (tmp_path / "code" / "config.json").write_text(json.dumps(config))
    (tmp_path / "code" / "mine.py").write_text("raise SystemExit('code that came with the weights ran')")
    save(tmp_path / "cut", names)
    whole = (tmp_path / "cut" / "model.safetensors").read_bytes()
    (tmp_path / "cut" / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    reasons = {}
    for name in ("pickled", "code", "cut", "nowhere"):
        with pytest.raises(Refused) as refused:
            label_reader(f"hf:{tmp_path / name}", "ct_rate", "en")
        reasons[name] = refused.value.reason
    assert reasons == {
        "pickled": "weights_unsafe",
        "code": "weights_layout",
        "cut": "file_truncated",
        "nowhere": "weights_missing",
    }


def test_a_model_is_written_with_its_kind():
    with pytest.raises(UsageError, match="must be hf:"):
        label_reader("bert", "ct_rate", "en")
