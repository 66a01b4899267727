"""A language model as judge, behind a real server: what is asked, what counts as an answer, and what is never asked twice."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest
from chat_server import Reply, said, serving
from flips import flipped

from docphim.errors import Refused, UsageError
from docphim.evaluate import evaluate
from docphim.evaluate.judge import Judge, prompt_key, spans
from docphim.evaluate.judge_scores import Judged, _with_rules, judge_reports, judge_section, table
from docphim.files import read_json, read_jsonl
from docphim.metrics.pairs import Pairs
from docphim.study import to_row


def rules_of_thumb(server, row):
    """A judge that splits at commas and matches equal words."""
    asked = row["messages"][1]["content"]
    if "<report>" in asked:
        facts = []
        for number, sentence in re.findall(r"^(\d+)\. (.*)$", asked, re.M):
            facts += [{"sentence": int(number), "text": part.strip(" .")} for part in sentence.split(",") if part.strip(" .")]
        return json.dumps({"facts": facts, "count": len(facts)}, ensure_ascii=False)
    lists = [re.findall(r"^\d+\. (.*)$", part, re.M) for part in asked.split("\n\n")]
    matches, left = [], list(enumerate(lists[1], 1))
    for i, fact in enumerate(lists[0], 1):
        same = next(((j, other) for j, other in left if other.lower() == fact.lower()), None)
        if same:
            left.remove(same)
            matches.append({"reference": i, "prediction": same[0]})
    return json.dumps({"matches": matches, "reference_count": len(lists[0]), "prediction_count": len(lists[1])})


def judge(tmp_path, server, **more):
    told = {"model": "j", "retries": 0, "timeout_s": 20} | more
    return Judge(
        tmp_path / "judge.jsonl", told.pop("language", "vi"), endpoint=server.url if server else "http://127.0.0.1:1/v1", **told
    )


REPORTS = [
    ("Bóng tim không to. Hai phổi sáng, vòm hoành đều.", "Bóng tim không to. Hai phổi sáng, vòm hoành nhọn."),
    ("Tràn dịch màng phổi phải.", "Tràn dịch màng phổi trái."),
    ("Bóng tim to.", "Bóng tim to."),
    ("Bóng tim to.", ""),
]


def test_each_text_is_split_once_and_only_what_can_match_is_matched(tmp_path):
    with serving(rules_of_thumb) as server:
        asked = judge(tmp_path, server)
        judged = judge_reports(asked, [(r, p, str(n)) for n, (r, p) in enumerate(REPORTS)])
        asked.close()
    steps = ["split" if "<report>" in r["messages"][1]["content"] else "match" for r in server.requests]
    assert sorted(steps) == ["match"] * 2 + ["split"] * 5  # equal texts and an empty one need no matching
    assert [[len(part) for part in v] for v in judged.verdicts] == [[3, 3, 2], [1, 1, 0], [1, 1, 1], [1, 0, 0]]
    scores = to_row(table(asked, judged, resamples=100, seed=0))
    assert {k: s["value"] for k, s in scores.items()} == {
        "precision": 60.0,
        "recall": 50.0,
        "f1": pytest.approx(600 / 11),
        "f1_macro": pytest.approx(100 * (2 / 3 + 0 + 1 + 0) / 4),
    }
    assert scores["f1"]["low"] is None and scores["f1"]["n"] == 4
    assert f"docphim:judge_f1|corpus|refs:1|judge:j|prompt:{prompt_key()}|" in scores["f1"]["signature"]


def test_the_questions_are_in_the_reports_language_with_sentences_numbered(tmp_path):
    for language, word in (("vi", "ý nguyên tử"), ("en", "atomic fact")):
        with serving(rules_of_thumb) as server:
            asked = judge(tmp_path / language, server, language=language, body={"response_format": None, "max_tokens": 9})
            asked.split(["Heart normal.\nLungs clear; no {effusion}."])
            asked.close()
        (request,) = server.requests
        assert [message["role"] for message in request["messages"]] == ["system", "user"]
        assert word in request["messages"][0]["content"]
        assert request["messages"][1]["content"] == "<report>\n1. Heart normal.\n2. Lungs clear;\n3. no {effusion}.\n</report>"
        assert request["temperature"] == 0 and request["max_tokens"] == 9 and "response_format" not in request


ONE = [(0, "tim to")], [(0, "tim to nhẹ"), (0, "phổi sáng")]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"facts": [{"sentence": 1, "text": "tim to"}], "count": 1}', ((0, "tim to"),)),
        ('```json\n{"facts": [{"sentence": 2, "text": " tim\\n to "}], "count": 1}\n```', ((1, "tim to"),)),
        ('{"facts": [], "count": 0}', ()),
        ('{"facts": [{"sentence": 1, "text": "tim to"}], "count": 2}', None),
        ('{"facts": [{"sentence": 0, "text": "tim to"}], "count": 1}', None),
        ('{"facts": [{"sentence": 3, "text": "tim to"}], "count": 1}', None),
        ('{"facts": [{"sentence": true, "text": "tim to"}], "count": 1}', None),
        ('{"facts": [{"sentence": 1.0, "text": "tim to"}], "count": 1}', None),
        ('{"facts": [{"sentence": 1, "text": "  "}], "count": 1}', None),
        ('{"facts": [{"sentence": 1, "text": null}], "count": 1}', None),
        ('{"facts": ["tim to"], "count": 1}', None),
        ('{"facts": [{"sentence": 1, "text": "tim to"}]}', None),
        ('{"count": 0}', None),
        ("[]", None),
        ("Tim to.", None),
        ("", None),
        ("{" * 50_000 + "}", None),
    ],
)
def test_a_split_counts_only_if_it_is_all_in_order(tmp_path, answer, expected):
    with serving(lambda *_: answer) as server:
        asked = judge(tmp_path, server)
        assert asked.split(["Tim to. Phổi sáng."]) == {"Tim to. Phổi sáng.": expected}
        asked.close()
    assert asked.failures.total() == (expected is None)
    assert len(list(read_jsonl(tmp_path / "judge.jsonl"))) == (expected is not None)


@pytest.mark.parametrize(
    ("matches", "counts", "expected"),
    [
        ([], (1, 2), ()),
        ([{"reference": 1, "prediction": 2}], (1, 2), ((0, 1),)),
        ([{"reference": 1, "prediction": 3}], (1, 2), None),
        ([{"reference": 0, "prediction": 1}], (1, 2), None),
        ([{"reference": 2, "prediction": 1}], (1, 2), None),
        ([{"reference": 1, "prediction": 1}, {"reference": 1, "prediction": 2}], (1, 2), None),
        ([{"reference": 1, "prediction": 1}], (1, 3), None),
        ([{"reference": 1, "prediction": 1}], (2, 2), None),
        ([{"reference": "1", "prediction": 1}], (1, 2), None),
        ([{"prediction": 1}], (1, 2), None),
        ([[1, 1]], (1, 2), None),
        (None, (1, 2), None),
    ],
)
def test_a_match_counts_only_if_it_is_one_to_one_and_within_the_lists(tmp_path, matches, counts, expected):
    body = json.dumps({"matches": matches, "reference_count": counts[0], "prediction_count": counts[1]})
    pair = tuple(map(tuple, ONE))
    with serving(lambda *_: body) as server:
        asked = judge(tmp_path, server)
        assert asked.match([pair]) == {pair: expected}
        asked.close()


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (said(None, refusal="I cannot judge this."), "refusal"),
        (said('{"facts": [', "length"), "the answer was cut"),
        (said("no JSON"), "the answer is not of the form asked for"),
        ({"choices": []}, "the answer holds no message"),
    ],
)
def test_a_failure_is_null_and_counted_and_asked_again_another_time(tmp_path, reply, why):
    def answer(server, row):
        return reply if "dịch" in row["messages"][1]["content"] else rules_of_thumb(server, row)

    reports = [(r, p, str(n)) for n, (r, p) in enumerate(REPORTS)]
    with serving(answer) as server:
        asked = judge(tmp_path, server)
        section = to_row(judge_section(asked, {"own": reports}, Pairs(*zip(*REPORTS, strict=True), "vi"), 100, 0))
        asked.close()
        assert (section["n"], section["failed"], section["failures"]) == (3, 1, {why: 2})
        assert section["recall"]["value"] == 60.0
    with serving(rules_of_thumb) as server:
        asked = judge(tmp_path, server)
        assert judge_reports(asked, reports).verdicts.count(None) == 0 and len(server.requests) == 3
        asked.close()


def test_a_server_that_goes_leaves_the_other_scores_and_counts_the_rest(tmp_path):
    asked = judge(tmp_path, None)
    section = to_row(
        judge_section(asked, {"own": [(*REPORTS[0], "p")]}, Pairs(*map(list, zip(REPORTS[0], strict=True)), "vi"), 100, 0)
    )
    asked.close()
    assert section["failed"] == 1 and section["f1"]["value"] is None and section["n"] == 0
    assert section["failures"] == {"endpoint_failing 127.0.0.1:1": 2}


def test_everything_kept_is_replayed_with_the_server_gone_and_without_a_key(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANTED_KEY", "sk-planted")
    reports = [(r, p, str(n)) for n, (r, p) in enumerate(REPORTS)]
    with serving(rules_of_thumb) as server:
        asked = judge(tmp_path, server, key_env="PLANTED_KEY", concurrency=3)
        first = judge_reports(asked, reports)
        asked.close()
    kept = (tmp_path / "judge.jsonl").read_bytes()
    assert b"planted" not in kept
    monkeypatch.delenv("PLANTED_KEY")
    for more in ({"replay": True}, {}, {"endpoint_of": "elsewhere"}):
        endpoint = (
            {"endpoint": "https://not.allowed.example.org/v1"} if more.pop("endpoint_of", None) else {"endpoint": server.url}
        )
        asked = Judge(tmp_path / "judge.jsonl", "vi", model="j", key_env="PLANTED_KEY", **endpoint, **more)
        assert judge_reports(asked, reports) == first and not asked.failures
        asked.close()
        assert (tmp_path / "judge.jsonl").read_bytes() == kept
    # Another model, language or request is another judge.
    for change in ({"model": "k"}, {"language": "en"}, {"body": {"top_p": 0.5}}):
        asked = judge(tmp_path, None, replay=True, **change)
        assert judge_reports(asked, reports[:1]).verdicts == [None]
        assert asked.failures == {"not among the kept answers": 2}
        asked.close()


def test_a_kept_answer_that_somebody_spoilt_is_asked_for_again(tmp_path):
    with serving(rules_of_thumb) as server:
        for again in (1, 2):
            asked = judge(tmp_path, server)
            assert asked.split(["Tim to."]) == {"Tim to.": ((0, "Tim to"),)}
            asked.close()
            assert len(server.requests) == again
            path = tmp_path / "judge.jsonl"
            path.write_text(path.read_text(encoding="utf-8").replace('"sentence": 1', '"sentence": 7'), encoding="utf-8")


def test_one_changed_byte_of_the_kept_answers_is_never_used_wherever_it_is(tmp_path):
    path, rng = tmp_path / "judge.jsonl", random.Random(0)
    with serving(rules_of_thumb) as server:
        for _ in range(40):
            asked = judge(tmp_path, server)
            assert asked.split(["Tim to.", "Phổi sáng."]) == {"Tim to.": ((0, "Tim to"),), "Phổi sáng.": ((0, "Phổi sáng"),)}
            asked.close()
            path.write_bytes(flipped(path.read_bytes(), rng))
        assert len(server.requests) >= 40


@pytest.mark.parametrize("line", ["[1]", '{"step": "split"}', '{"key": ["a"]}', '{"key": "a"}', "null"])
def test_a_line_that_is_no_kept_answer_is_nothing(tmp_path, line):
    (tmp_path / "judge.jsonl").write_text(line + "\n", encoding="utf-8")
    with serving(rules_of_thumb) as server:
        asked = judge(tmp_path, server)
        assert asked.split(["Tim to."]) == {"Tim to.": ((0, "Tim to"),)}
        asked.close()
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"endpoint": "https://judge.example.org/v1"}, Refused),
        ({"endpoint": "http://127.0.0.1:1/v1", "key_env": "NOT_SET_ANYWHERE"}, UsageError),
    ],
)
def test_report_text_goes_nowhere_that_is_not_allowed(tmp_path, told, error):
    asked = Judge(tmp_path / "judge.jsonl", "vi", model="j", **told)
    with pytest.raises(error):
        asked.split(["Tim to."])
    asked.close()


def test_sentences_stand_where_facts_do():
    text = "Bóng tim không to.\nBóng tim không to; phổi\u200b sáng 1.5 cm."
    assert [(s, a) for s, a, _ in spans(text)] == [
        ("Bóng tim không to.", 0),
        ("Bóng tim không to;", 19),
        ("phổi sáng 1.5 cm.", 38),
    ]


#: What the rules say of these sentences: the heart right; the effusion on the wrong side; the fracture missing.
BESIDE = "Bóng tim to. Tràn dịch màng phổi phải. Gãy xương sườn.", "Bóng tim to. Tràn dịch màng phổi trái."
EACH = ((0, "a"), (1, "b"), (2, "c")), ((0, "a"), (1, "d"))


@pytest.mark.parametrize(
    ("facts", "matches", "observed", "left_out"),
    [
        (EACH, ((0, 0),), {"reference": 1, "prediction": 1}, {"reference": 0, "prediction": 0}),
        (EACH, ((0, 0), (2, 1)), {"reference": 2 / 3, "prediction": 1 / 2}, {"reference": 0, "prediction": 0}),
        (EACH, (), {"reference": 2 / 3, "prediction": 1 / 2}, {"reference": 0, "prediction": 0}),
        # A sentence is right only if all of it is: one of two facts matched is not.
        ((((0, "a"), (0, "x"), (1, "b"), (2, "c")), EACH[1]), ((0, 0),), {"reference": 2 / 3, "prediction": 1}, {}),
        # Sentences in which the judge saw nothing are not compared.
        ((((0, "a"),), EACH[1]), ((0, 0),), {"reference": 1, "prediction": 1}, {"reference": 2, "prediction": 0}),
    ],
)
def test_judge_and_rules_are_compared_sentence_by_sentence(facts, matches, observed, left_out):
    own = Judged(["p"], [(*facts, matches)], [False])
    kappa = {side: to_row(of) for side, of in _with_rules(own, Pairs([BESIDE[0]], [BESIDE[1]], "vi"), 100, 0).items()}
    assert {side: kappa[side]["observed"] for side in kappa} == pytest.approx(observed)
    assert all(kappa[side]["left_out"] == count for side, count in left_out.items())


def judged(made, server, **more):
    told = {
        "language": "vi",
        "resamples": 100,
        "seed": 5,
        "judge": {"model": "j", "body": {}, "systems": ["own", "constant", "other"]},
    }
    asking = {"endpoint": server.url if server else "http://127.0.0.1:1/v1", "concurrency": 4, "retries": 0, "timeout_s": 20}
    return evaluate(made.dataset, made.run, **told, judge_asking=asking | more)["by_task"]["findings/test"]["judge"]


def test_the_judge_stands_in_the_scores_with_floors_wrong_images_and_its_agreement_with_the_rules(made):
    rows = list(read_jsonl(made.run / "predictions.jsonl"))
    for n, row in enumerate(r for r in rows if r["image"] == "own"):
        if n % 3 == 0:  # every third draft turns its first sentence round
            first, _, rest = row["prediction"].partition(". ")
            row["prediction"] = f"{'Bóng tim không to' if first == 'Bóng tim to' else 'Bóng tim to'}. {rest}"
    made.run.joinpath("predictions.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    with serving(rules_of_thumb) as server:
        section = judged(made, server)
        texts = {m["content"] for r in server.requests for m in r["messages"][1:] if "<report>" in m["content"]}
        assert len(texts) == len([r for r in server.requests if "<report>" in r["messages"][1]["content"]]) <= 7
        before = len(server.requests)
        assert judged(made, server) == section and len(server.requests) == before
    assert section["n"] == 60 and section["failed"] == 0 and section["failures"] == {}
    assert section["precision"]["value"] == section["recall"]["value"] == pytest.approx(100 * 100 / 120)
    assert section["f1"]["low"] < section["f1"]["value"] < section["f1"]["high"]
    assert section["floors"]["constant"]["f1"]["value"] < section["f1"]["value"] > section["reliance"]["other"]["f1"]["value"]
    for side in ("reference", "prediction"):
        assert section["kappa"][side]["kappa"]["value"] == 1.0 and section["kappa"][side]["n"] == 120
    assert read_json(made.run / "scores.json")["by_task"]["findings/test"]["judge"] == section


def copy(made, folder):
    """The same dataset and predictions in another folder, never judged."""
    shutil.copytree(made.dataset, folder / "data")
    (folder / "run").mkdir()
    shutil.copy(made.run / "predictions.jsonl", folder / "run")
    return types.SimpleNamespace(dataset=folder / "data", run=folder / "run")


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_killed_in_the_middle_the_judge_goes_on_without_asking_again(made, tmp_path):
    def slow(server, row):
        if len(server.requests) > 5:
            server.release.wait(60)
            raise Reply(500)
        return rules_of_thumb(server, row)

    script = (
        "import sys, json\nfrom pathlib import Path\nfrom docphim.evaluate import evaluate\n"
        "data, run, url = sys.argv[1:]\n"
        "evaluate(Path(data), Path(run), language='vi', resamples=100, seed=5,"
        " judge={'model': 'j', 'body': {}, 'systems': ['own', 'constant', 'other']},"
        " judge_asking={'endpoint': url, 'concurrency': 1, 'retries': 0, 'timeout_s': 60})\n"
    )
    with serving(slow) as server:
        process = subprocess.Popen([sys.executable, "-c", script, str(made.dataset), str(made.run), server.url])
        path = made.run / "judge.jsonl"
        while process.poll() is None and (len(server.requests) < 6 or len(path.read_bytes().splitlines()) < 5):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert len(list(read_jsonl(path))) == 5
    path.write_bytes(path.read_bytes() + b'{"key": "cut')  # the line that was being written
    with serving(rules_of_thumb) as server:
        section = judged(made, server)
        resumed = len(server.requests)
    after = path.read_bytes()
    clean = copy(made, tmp_path / "clean")
    with serving(rules_of_thumb) as server:
        assert judged(clean, server) == section
        assert resumed == len(server.requests) - 5
    assert (clean.run / "judge.jsonl").read_bytes() == after
    assert judged(made, None) == section  # replayed with the server gone


def test_the_prompts_fingerprint_follows_their_words(tmp_path, monkeypatch):
    from docphim.evaluate import judge as module

    changed = tmp_path / "judge.yaml"
    changed.write_text(Path(module.PROMPTS).read_text(encoding="utf-8") + "# a word more\n", encoding="utf-8")
    before = prompt_key()
    monkeypatch.setattr(module, "PROMPTS", changed)
    assert prompt_key() != before and len(before) == 8
