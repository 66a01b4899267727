"""docphim stats: tables of a dataset that is built, as text and as JSON; of one that is not, the command to run first."""

import json


def test_stats_of_a_built_dataset_as_text_and_json_and_before_it_is_built_what_to_run(docphim, recipe):
    early = docphim("stats", recipe)
    assert (early.returncode, early.stdout) == (2, "")
    assert "--until build" in early.stderr and len(early.stderr.strip().splitlines()) == 1
    assert not (docphim.folder / "runs").exists()

    assert docphim("run", recipe, "--until", "build").returncode == 0
    told = docphim("stats", recipe)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("40 studies: train 24, val 4, test 12\n")
    assert "impression contradicts findings: side 0, yes or no 0 studies" in told.stdout.splitlines()

    found = json.loads(docphim("stats", recipe, "--json").stdout)
    [written] = (docphim.folder / "data").rglob("stats.json")
    assert found == json.loads(written.read_text(encoding="utf-8"))
    assert found["contradictions"] == {"side": 0, "polarity": 0, "studies": []}


def test_stats_knows_two_kinds_of_tokens(docphim, recipe):
    answer = docphim("stats", recipe, "--tokens", "letter")
    assert answer.returncode == 2 and "--tokens letter: must be one of syllable, word" in answer.stderr
