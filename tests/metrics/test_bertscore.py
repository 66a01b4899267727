"""BERTScore by a tiny BERT of the real architecture, against its formula by hand; no torch where it is not asked for."""

import subprocess
import sys

import numpy as np
import pytest

import docphim
from docphim.errors import Refused, UsageError
from docphim.metrics import METRICS, families, metric
from docphim.metrics.pairs import Pairs

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers  # noqa: E402

TEXTS = ["Khối thùy trên phổi phải.", "Nốt thùy dưới phổi trái, SUVmax 3,1.", "Hạch trung thất."]
LONG = " ".join(f"Nốt thứ {n} ở phổi." for n in range(40))


def save(folder, kind="Bert"):
    """A tiny encoder with random weights, and its tokenizer."""
    core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    core.train_from_iterator(
        [*TEXTS, LONG], trainers.WordPieceTrainer(vocab_size=200, special_tokens=special, show_progress=False)
    )
    core.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=core, model_max_length=64, **named).save_pretrained(folder)
    torch.manual_seed(3)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=200,
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save(tmp_path_factory.mktemp("encoder"))


def by_hand(weights, reference, draft, layer=3):
    """P, R, F from the definition: hidden states of one layer, cosines, greatest of each token but the signs."""
    model = transformers.AutoModel.from_pretrained(weights).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(weights)
    vectors = []
    for text in (reference, draft):
        with torch.inference_mode():
            vectors.append(model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states[layer][0])
    ours, theirs = vectors
    cosines = [[float(torch.dot(a, b) / (a.norm() * b.norm())) for b in ours] for a in theirs]
    precision = np.mean([max(row) for row in cosines[1:-1]])
    recall = np.mean([max(row[j] for row in cosines) for j in range(1, len(ours) - 1)])
    return 2 * precision * recall / (precision + recall), precision, recall


def test_the_values_are_those_of_the_formula(weights):
    family = metric(f"bertscore:{weights}")
    rows = family.statistics(Pairs([TEXTS[0], TEXTS[1]], [TEXTS[1], TEXTS[2]], "vi"))
    expected = [by_hand(weights, TEXTS[0], TEXTS[1]), by_hand(weights, TEXTS[1], TEXTS[2])]
    assert rows[:, :3] == pytest.approx(np.array(expected), abs=1e-5)
    assert family.aggregate(rows.sum(axis=0)) == pytest.approx(100 * np.mean(expected, axis=0), abs=1e-3)
    assert family.per_study(rows)[:, 0] == pytest.approx([100 * row[0] for row in expected], abs=1e-3)


def test_a_text_is_most_like_itself_and_an_empty_one_like_none(weights):
    family = metric(f"bertscore:{weights}")
    rows = family.statistics(Pairs([TEXTS[0], TEXTS[0], "", TEXTS[0]], [TEXTS[0], TEXTS[1], TEXTS[0], " "], "vi"))
    assert rows[0, :3] == pytest.approx(np.ones(3), abs=1e-5)
    assert (rows[1, :3] < 0.999).all()
    assert rows[2:, :3].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_another_layer_is_another_score(weights):
    one, other = (metric(f"bertscore:{weights}{layer}") for layer in ("@1", "@4"))
    pairs = Pairs([TEXTS[0]], [TEXTS[1]], "vi")
    assert one.statistics(pairs)[0, 0] == pytest.approx(by_hand(weights, TEXTS[0], TEXTS[1], 1)[0], abs=1e-5)
    assert one.statistics(pairs)[0, 0] != pytest.approx(other.statistics(pairs)[0, 0], abs=1e-5)
    assert one.settings("vi")["layer"] == "1"


def test_nothing_of_a_long_text_is_cut_off(weights):
    encoder = metric(f"bertscore:{weights}").encoder
    vectors = encoder.vectors(LONG)
    tokens = encoder.tokenizer(LONG, add_special_tokens=False)["input_ids"]
    assert encoder.longest == 64 < len(tokens) == int(vectors.words.sum())
    end = LONG.replace("39 ở phổi.", "39 ở hạch.")
    rows = metric(f"bertscore:{weights}").statistics(Pairs([LONG, LONG], [LONG, end], "vi"))
    assert rows[1, 0] < rows[0, 0]


def test_the_signature_names_weights_tokenizer_and_layer_and_no_folder(weights, tmp_path):
    name = f"bertscore:{weights}"
    scores = docphim.score([TEXTS[0]], [TEXTS[1]], metrics=[name])["scores"]
    signature = scores["bertscore_f1"]["signature"]
    assert "|tok:encoder|" in signature and "|idf:no|rescale:no|" in signature and "|layer:3|window:64|" in signature
    assert "|tokenizer:" in signature and str(weights) not in signature and weights.name not in signature
    other = save(tmp_path / "other")
    (other / "vocab.txt").write_text("x")
    changed = docphim.score([TEXTS[0]], [TEXTS[1]], metrics=[f"bertscore:{other}"])["scores"]["bertscore_f1"]["signature"]
    fields = [dict(part.split(":", 1) for part in text.split("|")[2:]) for text in (signature, changed)]
    assert fields[0]["bert"] == fields[1]["bert"] and fields[0]["tokenizer"] != fields[1]["tokenizer"]


def test_a_roberta_keeps_positions_for_padding(tmp_path):
    encoder = metric(f"bertscore:{save(tmp_path, 'Roberta')}").encoder
    assert encoder.longest == 62
    assert len(encoder.vectors(LONG).unit)


def test_it_is_scored_only_by_name_and_with_weights():
    assert "bertscore" in METRICS and "bertscore" not in families("vi")
    with pytest.raises(UsageError, match="name the folder of its weights"):
        docphim.score(TEXTS, TEXTS, metrics=["bertscore"])
    with pytest.raises(UsageError, match="the layer behind @ is a number"):
        docphim.score(TEXTS, TEXTS, metrics=["bertscore:x@last"])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: (folder / "config.json").unlink(), "weights_layout"),
        (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "weights_unsafe"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"0" * 100), "file_truncated"),
    ],
)
def test_weights_that_cannot_be_trusted_are_refused(tmp_path, spoil, reason):
    spoil(save(tmp_path / "w"))
    with pytest.raises(Refused) as refusal:
        docphim.score(TEXTS, TEXTS, metrics=[f"bertscore:{tmp_path / 'w'}"])
    assert refusal.value.reason == reason


def test_weights_that_are_not_there_are_refused_and_a_layer_that_is_not(tmp_path, weights):
    with pytest.raises(Refused, match="local weights alone"):
        docphim.score(TEXTS, TEXTS, metrics=["bertscore:bert-base-multilingual-cased"])
    with pytest.raises(Refused, match="no layer 9"):
        docphim.score(TEXTS, TEXTS, metrics=[f"bertscore:{weights}@9"])


def test_names_and_other_scores_come_without_torch():
    code = "import sys, docphim; docphim.score(['a'], ['a']); from docphim.metrics.catalogue import title_of; "
    code += "print(title_of('bertscore_f1').en, 'torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "BERTScore F1 False"
