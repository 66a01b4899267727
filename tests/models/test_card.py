"""The card of a model: scores with floors and intervals where there are any, and the licence that lies beside its base."""

import pytest

from docphim.metrics.markdown import scores_text
from docphim.models.card import DATA, SCORES, licence_of, put_together
from docphim.scores import Score, TaskKey, TaskScores


def entry():
    floor = {"rougeL": Score(40.0, 38.0, 42.0)}
    return TaskScores(
        scores={"rougeL": Score(60.25, 58.0, 62.5, n=40, signature="docphim:rougeL|n:40|v:0.1"), "bleu1": Score(None, n=40)},
        floors={"constant": floor},
        reliance={"other": {"rougeL": Score(45.0, drop=Score(15.25))}},
        image_gain=Score(1.5, 1.25, 1.75),
    )


@pytest.fixture
def model(tmp_path):
    (tmp_path / "card.md").write_text(f"# One\n\n{SCORES}\n\n- Data: {DATA}\n", encoding="utf-8")
    return tmp_path


def test_a_card_has_every_system_with_its_interval_and_the_scores_signatures(model):
    put_together(model, scores_text({TaskKey("findings", "test"): entry()}), "made up.")
    text = (model / "README.md").read_text(encoding="utf-8")
    assert text == (
        "# One\n\n### findings/test: 40 reports\n\n| | ROUGE-L |\n|---|---|\n| this model | 60.2 [58.0, 62.5] |\n"
        "| floor: constant | 40.0 [38.0, 42.0] |\n| this model, shown other | 45.0 |\n\n"
        "Image gain: 1.50 [1.25, 1.75] nats a report.\n\nSignatures:\n\n- `docphim:rougeL|v:0.1`\n\n- Data: made up.\n"
    )


def test_signatures_stand_once_and_what_has_no_interval_says_so():
    few = TaskScores(scores={"rougeL": Score(10.0, n=3, signature="docphim:rougeL|n:3|v:0.1")}, image_gain=Score(-0.001))
    text = scores_text({TaskKey("findings", "val"): few, TaskKey("findings", "test"): entry()})
    assert text.count("docphim:rougeL") == 1 and text.count("No intervals") == 1
    assert "Image gain: 0.00 nats a report. No intervals: there are too few patients." in text
    assert scores_text({}) == "None: no study has a report."


def test_a_card_that_says_so_already_is_not_written_and_one_that_does_not_is(model):
    put_together(model, None)
    card = model / "README.md"
    assert "docphim evaluate RECIPE" in card.read_text(encoding="utf-8") and DATA not in card.read_text(encoding="utf-8")
    stamp = card.stat().st_mtime_ns
    put_together(model, None)
    assert card.stat().st_mtime_ns == stamp
    card.write_text("spoilt", encoding="utf-8")
    put_together(model, None)
    assert card.read_text(encoding="utf-8").startswith("# One")


def test_a_model_of_an_earlier_version_keeps_its_card(tmp_path):
    (tmp_path / "README.md").write_text("old", encoding="utf-8")
    put_together(tmp_path, "new")
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize(
    ("files", "licence"),
    [
        ({"README.md": "---\nlicense: apache-2.0\ntags: [x]\n---\n# Base\n"}, "apache-2.0"),
        ({"README.md": "---\nlicense: other\nlicense_name: qwen-research\n---\n"}, "qwen-research"),
        ({"README.md": "---\nlicense: other\n---\n", "LICENSE": "\n  Its own terms\nmore\n"}, "Its own terms"),
        ({"README.md": "# no header"}, None),
        ({"README.md": "---\n- a list\n---\n"}, None),
        ({"README.md": "---\nlicense: [\n---\n"}, None),
        ({}, None),
    ],
)
def test_a_licence_is_what_lies_beside_the_weights(tmp_path, files, licence):
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert licence_of(tmp_path) == licence and licence_of(None) is None
