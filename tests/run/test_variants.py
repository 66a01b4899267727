"""A recipe that stands on another, and the variants and seeds it holds: what each run is made from."""

import sys
from pathlib import Path

import pytest
from vix_ray_shards import write_shards

from docphim import preflight, recipe, variants
from docphim import run as program
from docphim.doctor import first_fault
from docphim.errors import Refused, UsageError
from docphim.files import read_examples, read_json, write_jsonl
from docphim.variants import members

BASE = "name: x\nsource: {kind: phantom, studies: 9}\nmodel: {family: qwen_vl}\ntrain: {epochs: 2}\n"


@pytest.fixture
def load(tmp_path):
    def write_and_load(text, *settings):
        (tmp_path / "r.yaml").write_text(BASE + text, encoding="utf-8")
        return recipe.load(str(tmp_path / "r.yaml"), list(settings))

    return write_and_load


def runs(of):
    return {m.recipe.name: (m.recipe.train.seed, m.recipe.train.epochs, m.same_as and m.same_as.name) for m in members(of)}


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        ("", (), {}),
        ("seeds: [3, 4]", (), {"x-s3": (3, 2, None), "x-s4": (4, 2, None)}),
        ("variants: {a: , b: {train.epochs: 3}}", (), {"x-a": (0, 2, None), "x-b": (0, 3, None)}),
        (
            "variants: {a: {}, b: {train: {epochs: 3}}}\nseeds: {a: [0, 1], others: [0]}",
            (),
            {"x-a-s0": (0, 2, None), "x-b-s0": (0, 3, None), "x-a-s1": (1, 2, None)},
        ),
        # One that changes nothing is no other than the first, seed by seed.
        (
            "variants: {a: {}, b: {train.epochs: 2}}\nseeds: [0, 1]",
            (),
            {"x-a-s0": (0, 2, None), "x-b-s0": (0, 2, "x-a-s0"), "x-a-s1": (1, 2, None), "x-b-s1": (1, 2, "x-a-s1")},
        ),
        # A setting holds for all, over what a variant says; one may change a variant, or all seeds.
        ("variants: {a: , b: {train.epochs: 3}}", ("train.epochs=1",), {"x-a": (0, 1, None), "x-b": (0, 1, "x-a")}),
        ("variants: {a: , b: {train.epochs: 3}}", ("variants.b.train.epochs=4",), {"x-a": (0, 2, None), "x-b": (0, 4, None)}),
        ("variants: {a: }\nseeds: {a: [0, 1]}", ("seeds=[5]",), {"x-a-s5": (5, 2, None)}),
    ],
)
def test_variants_and_seeds_are_runs_of_their_own(load, text, settings, expected):
    assert runs(load(text, *settings)) == expected


def test_a_section_that_names_its_kind_replaces_the_other_and_any_else_is_merged(load):
    text = "variants: {a: {train: {loss: {kind: other, gamma: 2}, warmup: 0.5}}}\n"
    (member,) = members(load(text, "variants.a.train.weight_decay=0.1"))
    assert member.recipe.train.loss.model_dump() == {"kind": "other", "gamma": 2}
    (member,) = members(load("variants: {a: {source: {kind: folder, path: x}, train.warmup: 0.5}}"))
    assert member.recipe.source.model_dump() == {"kind": "folder", "path": "x"}
    assert (member.recipe.train.warmup, member.recipe.train.epochs) == (0.5, 2)


def test_seeds_change_training_and_drafting_alone(load):
    one, two = (m.recipe.model_dump() for m in members(load("seeds: [0, 7]")))
    for values in (one, two):
        del values["name"], values["train"]["seed"], values["generate"]["seed"]
    assert one == two


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("answers", "answers, pairs: none", True),
        ("answers", "{kind: constraint, beta: 0}, pairs: noise", True),
        ("answers", "{kind: margin, beta: {from: 0, to: 0}}, pairs: other, conflicts_only: true", True),
        ("answers", "{kind: constraint, alpha: 0.5, beta: 0}, pairs: noise", False),
        ("answers", "{kind: constraint, beta: {to: 0.1}}, pairs: noise", False),
        ("answers", "{kind: mine, beta: 0}", False),
        ("constraint, pairs: noise", "{kind: constraint, alpha: 1.0, beta: 0.1, max_loss: null}, pairs: noise", True),
        ("constraint, pairs: noise", "{kind: constraint, beta: {from: 0, to: 0.1, until: 0}}, pairs: noise", True),
        ("constraint, pairs: noise", "constraint, pairs: other", False),
        ("constraint, pairs: noise", "{kind: constraint, max_loss: 2}, pairs: noise", False),
    ],
)
def test_trainings_that_come_to_the_same_are_one_however_their_loss_is_written(load, first, second, same):
    one, two = members(
        load(f"pairs: {{}}\nvariants: {{one: {{train: {{loss: {first}}}}}, two: {{train: {{loss: {second}}}}}}}")
    )
    assert (two.same_as == one.recipe) is same


LOSS = "train.loss={kind: constraint, %s}"


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ((LOSS % "betta: 1", "train.pairs=noise"), r"train\.loss\.betta: 'constraint' has no such option"),
        ((LOSS % "max_loss: abc", "train.pairs=noise"), r"train\.loss\.max_loss: nats a token"),
        ((LOSS % "beta: {to: x}", "train.pairs=noise"), r"train\.loss\.beta: a number, 0 or more"),
        (("train.loss=constrain",), r"train\.loss: 'constrain' is not a loss; did you mean 'constraint'\?"),
        (("train.loss=constraint",), r"train\.pairs: 'none', and the loss 'constraint' compares two images"),
        (("train.pairs=noise",), r"train\.pairs: 'noise', and the loss 'answers' looks at the own image alone"),
        (("train.cache_features=true", "model.tune=full", "model.freeze=[]"), r"train\.cache_features: the vision encoder is"),
        (("pairs={labels: foo}",), r"pairs\.labels: 'foo' is not one of ct_rate"),
    ],
)
def test_a_training_that_cannot_be_is_refused_before_anything_is_made(load, settings, line):
    made = load("pairs: {}", *settings)
    with pytest.raises(UsageError, match=line):
        preflight.check(made, "page")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("variants: {a: {train.epoch: 1}}", r"variants\.a\.train\.epoch: unknown key; did you mean 'epochs'\?"),
        ("variants: {a: {train.epochs: -1}}", r"variants\.a\.train\.epochs: .*\(got -1\)"),
        ("variants: {a: {prepare.long_sid: 1}}", r"variant a: .*long_sid"),
        ("variants: {a: {name: b}}", r"variants\.a\.name: is one for all variants"),
        ("variants: {a/b: {}}", r"variants\.a/b\S*: String should match"),
        ("variants: {a: 3}", r"variants\.a: must be a section"),
        (
            "variants: {a: , a-s0: }\nseeds: {a: [0]}",
            r"variants: variant a, seed 0 and variant a-s0 would share the folder x-a-s0",
        ),
        ("variants: {a: }\nseeds: {b: [0]}", r"seeds\.b: is no variant; known: a, others"),
        ("seeds: [0, 0]", r"seeds\.others: must be different numbers"),
        ("seeds: {others: []}", r"seeds\.others: must be different numbers"),
        ("variants: {a: }\ntables: [{name: T, rows: [b]}]", r"'b' in 'T' is no variant; known: a"),
        ("base: 3", r"base: must name a recipe"),
        ("base: r.yaml", r"base: 'r\.yaml' stands on itself|no recipe"),
        ("base: nowhere", r"no recipe 'nowhere'"),
        ("base: {recipe: demo, epochs: 3}", r"epochs: unknown key"),
    ],
)
def test_a_wrong_variant_names_itself_and_the_field(load, text, line):
    with pytest.raises(UsageError, match=line):
        members(load(text))


def test_a_recipe_takes_what_it_does_not_say_from_its_base(tmp_path):
    (tmp_path / "r.yaml").write_text(
        "name: mine\nbase: {recipe: demo, source.studies: 30, train: {epochs: 1}}\n"
        "generate: {batch_size: 3}\nvariants: {a: }\n",
        encoding="utf-8",
    )
    loaded, demo = recipe.load(str(tmp_path / "r.yaml")), recipe.load("demo")
    assert (loaded.name, loaded.train.epochs, loaded.generate.batch_size) == ("mine", 1, 3)
    assert loaded.source.model_dump() == demo.source.model_dump() | {"studies": 30}
    assert loaded.model == demo.model and loaded.prepare == demo.prepare
    # Another base takes the place of the first with its changes: one key.
    other = recipe.load(str(tmp_path / "r.yaml"), ["base=phantom_xray"])
    assert (other.source, other.train) == ((whole := recipe.load("phantom_xray")).source, whole.train)


def test_a_base_does_not_give_its_name(tmp_path):
    (tmp_path / "r.yaml").write_text("base: demo\n", encoding="utf-8")
    with pytest.raises(UsageError, match="name: required"):
        recipe.load(str(tmp_path / "r.yaml"))


def test_a_recipe_that_stands_on_itself_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text("name: a\nbase: b.yaml\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("name: b\nbase: a.yaml\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"base: a\.yaml stands on itself"):
        recipe.load("a.yaml")


@pytest.mark.parametrize(
    ("settings", "runs_", "trained"),
    [((), 19, 15), (("seeds=[0,1,2]",), 42, 36), (("base=ct_rate", "name=ct-rate-tables"), 19, 15)],
)
def test_the_tables_of_the_paper_train_nothing_twice_and_share_one_dataset(settings, runs_, trained):
    made = recipe.load("ct_tables", list(settings))
    every = members(made)
    assert (len(every), sum(m.same_as is None for m in every)) == (runs_, trained)
    same = {m.variant: m.same_as.name.rpartition("-s")[0] for m in every if m.same_as}
    assert same == {"beta0": f"{made.name}-origin", "beta010": f"{made.name}-gauss"}
    shapes = {key: value for key, value in made.model_dump().items() if key in {*program.SHAPES_DATASET, "pairs", "prepare"}}
    assert all({key: m.recipe.model_dump()[key] for key in shapes} == shapes for m in every)


def test_vix_rays_tables_are_checked_run_by_run_and_each_stage_is_one_dataset(tmp_path):
    shards = write_shards(tmp_path, {"train": 2, "validation": 1, "test": 1})
    drafts = {task: tmp_path / f"{task}.jsonl" for task in ("findings", "impression", "dialogue")}
    there = [f"variants.elsewhere-{task}.generate.drafts={path}" for task, path in drafts.items()]
    where = [f"source.path={shards}", f"data={tmp_path / 'data'}", f"runs={tmp_path / 'runs'}", *there]
    made = recipe.load("vix_ray_tables", where)
    every = members(made)
    assert len(every) == 36 and not any(m.same_as for m in every)
    of_table = {name for table in made.tables[:3] for name in table.rows}
    assert of_table == {m.variant for m in every} and all(table.published == "vix_ray" for table in made.tables[:3])
    assert {tuple(m.recipe.tasks) for m in every} == {("findings",), ("impression",), ("dialogue",)}
    assert len({program.dataset_folder(m.recipe) for m in every}) == 3
    settings = {(m.recipe.train.learning_rate, m.recipe.train.epochs, *m.recipe.evaluate.splits) for m in every}
    assert settings == {(3e-5, 20, "val", "test"), (3e-4, 20, "val", "test")}, "the paper's and the swept rate, on dev and test"
    assert {m.variant.endswith("-swept") for m in every if m.recipe.train.learning_rate == 3e-4} == {True}
    faults = {m.variant: first_fault(m.recipe) for m in every}
    assert {name.partition("-")[0] for name, fault in faults.items() if fault == "ok"} == {"endpoint"}
    assert "drafts" in faults["elsewhere-findings"] and "InternVL2_5-1B-hf" in faults["intern-findings"]
    for path in drafts.values():
        path.touch()
    # With weights that are there every run could start.
    tiny = recipe.load("vix_ray_tables", [*where, "model.weights=tiny"])
    assert {first_fault(m.recipe) for m in members(tiny)} == {"ok"}
    assert not (tmp_path / "data").exists() and not (tmp_path / "runs").exists()


def test_only_some_variants_are_made_and_stand_in_the_tables(drafted, tmp_path):
    some = recipe.load(
        str(drafted), ["only=[right, wrong]", "tables=[{name: T, rows: [again, right]}, {name: U, rows: [again]}]"]
    )
    assert [m.variant for m in members(some)] == ["right", "wrong"]
    assert [m.variant for m in members(recipe.load(str(drafted), ["only=[]"]))] == ["right", "wrong", "again"]
    with pytest.raises(UsageError, match="'nobody' in 'only' is no variant"):
        recipe.load(str(drafted), ["only=[nobody]"])
    _, home = variants.run(some)
    (table,) = read_json(home / "tables.json")["tables"]
    assert (table["name"], table["rows"]) == ("T", ["right"])


def test_the_petct_table_is_seven_runs_in_its_small_form_and_eleven_in_all(tmp_path):
    where = [f"data={tmp_path / 'data'}", f"runs={tmp_path / 'runs'}"]
    small, whole = (members(recipe.load("petct_tables", [*where, *more])) for more in ([], ["only=[]"]))
    assert len(small) == 7 and len(whole) == 11 and not any(m.same_as for m in whole)
    of = {m.variant: m.recipe for m in whole}
    assert [of[name].train.augment for name in ("O", "O-G", "O-G-C")] == [
        [],
        ["image", "text"],
        ["image", "text", "comparison"],
    ]
    assert {tuple(of[name].stages) for name in of if name.startswith("aligned")} == {("align", "project")}
    assert len({program.dataset_folder(of[name]) for name in of if not name.startswith("aligned")}) == 2


def test_numbers_that_nobody_published_are_refused_before_anything_is_made(drafted, tmp_path):
    wrong = "tables=[{name: T, rows: [right], published: nobody}]"
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="published 'nobody' is not one of"):
        variants.run(recipe.load(str(drafted), [wrong]))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.fixture
def drafted(tmp_path, shared_phantoms):
    """A recipe whose variants take drafts made elsewhere: right ones and others' ones; nothing is trained."""
    path = tmp_path / "drafted.yaml"
    path.write_text(
        f"name: drafted\ndata: {tmp_path / 'data'}\nruns: {tmp_path / 'runs'}\n"
        f"source: {{kind: phantom, profile: demo, studies: 40, size: 128, seed: 3, workers: 1, path: {shared_phantoms}}}\n"
        "split: {fractions: [0.6, 0.1, 0.3]}\nprompts: docphim\nprepare: {long_side: 64, workers: 1}\n"
        f"generate: {{backend: file, drafts: {tmp_path / 'right.jsonl'}}}\nevaluate: {{resamples: 100}}\n"
        f"variants: {{right: , wrong: {{generate.drafts: {tmp_path / 'wrong.jsonl'}}}, again: }}\n",
        encoding="utf-8",
    )
    for name in ("right", "wrong"):
        write_jsonl(tmp_path / f"{name}.jsonl", [])
    dataset, _ = program.run(recipe.load(str(path)), until="build")
    tests = read_examples(dataset, "test")
    answers = [example.messages[-1].content for example in tests]
    for name, texts in (("right", answers), ("wrong", answers[1:] + answers[:1])):
        rows = [{"id": e.id, "text": text} for e, text in zip(tests, texts, strict=True)]
        write_jsonl(tmp_path / f"{name}.jsonl", rows)
    return path


def test_variants_run_once_each_on_one_dataset_and_stand_side_by_side(drafted, tmp_path):
    made = recipe.load(str(drafted))
    _, home = variants.run(made)
    assert sorted(folder.name for folder in home.parent.iterdir()) == ["drafted", "drafted-right", "drafted-wrong"]
    assert len(list((tmp_path / "data" / "phantom").iterdir())) == 1
    rows = read_json(home / "tables.json")["tasks"][0]["rows"]
    scores = {name: row["scores"]["rougeL"]["value"] for name, row in rows.items()}
    assert scores["right"] == scores["again"] == 100 > scores["wrong"] and rows["again"]["same_as"] == "right"

    # A finished run is not made again; what is missing is, and the tables are the same.
    before = {p: p.read_bytes() for p in home.iterdir() if p.is_file()}
    stamps = {p: p.stat().st_mtime_ns for p in home.parent.glob("drafted-right/*.json")}
    (home.parent / "drafted-wrong" / "scores.json").unlink()
    variants.run(made)
    assert {p: p.read_bytes() for p in home.iterdir() if p.is_file()} == before
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps


def test_every_variant_is_checked_before_the_first_starts(drafted, tmp_path):
    (tmp_path / "wrong.jsonl").unlink()
    with pytest.raises(Refused, match=r"^file_missing: variant wrong, generate\.drafts"):
        variants.run(recipe.load(str(drafted)))
    assert not (tmp_path / "runs" / "drafted-right").exists()
    with pytest.raises(UsageError, match=r"^variant wrong: label set 'nothing' is not one of"):
        variants.run(
            recipe.load(
                str(drafted),
                ["variants.wrong.evaluate.label_sets=[nothing]", f"variants.wrong.generate.drafts={tmp_path / 'right.jsonl'}"],
            )
        )


def test_variants_may_stop_before_they_are_scored(drafted):
    _, home = variants.run(recipe.load(str(drafted)), until="build")
    assert not list(home.glob("tables*")) and not (home.parent / "drafted-wrong" / "predictions.jsonl").exists()


def test_runs_made_at_once_are_those_made_in_turn(drafted, tmp_path):
    _, home = variants.run(recipe.load(str(drafted), [f"runs={tmp_path / 'turn'}"]))
    dataset, abreast = variants.run(recipe.load(str(drafted), ["at_once=2"]))
    assert dataset.exists() and {f.name for f in abreast.parent.iterdir()} == {f.name for f in home.parent.iterdir()}
    for name in ("drafted/tables.json", "drafted-right/scores.json", "drafted-wrong/predictions.jsonl"):
        assert (abreast.parent / name).read_bytes() == (home.parent / name).read_bytes(), name

    # A single stage is shared out in the same way, and runs no other.
    for name in ("right", "wrong"):
        (abreast.parent / f"drafted-{name}" / "scores.json").unlink()
        (abreast.parent / f"drafted-{name}" / "index.html").unlink()
    variants.run(recipe.load(str(drafted), ["at_once=2"]), only="evaluate")
    for name in ("right", "wrong"):
        scores, log = (Path(abreast.parent, f"drafted-{name}", file) for file in ("scores.json", "run.log"))
        assert scores.read_bytes() == Path(home.parent, f"drafted-{name}", "scores.json").read_bytes()
        assert log.read_text(encoding="utf-8").count("evaluate: done in") == 2 and not log.with_name("index.html").exists()


def test_what_stops_a_run_made_beside_another_names_it(drafted, tmp_path):
    made = recipe.load(str(drafted), ["at_once=2"])
    (tmp_path / "wrong.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises((Refused, UsageError), match="variant wrong") as stopped:
        variants.run(made)
    assert str(tmp_path) not in str(stopped.value)
    with pytest.raises(Refused, match=r"^worker_killed: variant wrong"):
        variants._crashed(members(made)[1])


CAPPED = """variants:
  plain: {train: {loss: answers}}
  capped: {train: {loss: {kind: constraint, max_loss: {blind: runs/x-blind}}, pairs: noise}}
  blind: {train: {loss: answers, blind: true}}
"""


def test_a_blind_run_that_caps_another_is_made_before_it_or_must_be_there(load, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    every = members(load(CAPPED))
    assert [[m.variant for m in wave] for wave in variants._waves(every)] == [["blind"], ["plain", "capped"]]
    capped = every[1].recipe
    program.planned(capped, "page", [tmp_path / "runs" / "x-blind"])
    program.planned(capped, "build")
    with pytest.raises(UsageError, match=r"^train\.loss\.max_loss\.blind: x-blind is no trained run; train it first"):
        program.planned(capped, "page")
    for other in ("elsewhere", "x-plain"):  # no run of this recipe; one that sees
        with pytest.raises(UsageError, match=rf"^variant capped: train\.loss\.max_loss\.blind: {other} is no trained run"):
            variants.run(load(CAPPED.replace("runs/x-blind", f"runs/{other}")))
    assert not (tmp_path / "data").exists()


def test_without_torch_variants_run_where_nothing_is_trained(drafted, load, monkeypatch):
    monkeypatch.setitem(sys.modules, "docphim.train.launch", None)
    made = recipe.load(str(drafted), ["at_once=2"])
    assert variants._some_at_once(made, members(made), "page") and not variants._some_at_once(made, members(made), "build")
    alone = load("seeds: [0, 1]")
    assert not variants._some_at_once(alone, members(alone), "page")


def test_models_are_trained_beside_one_another_with_a_log_each(docphim):
    path = docphim.folder / "capped.yaml"
    path.write_text(
        "name: x\nat_once: 2\nsource: {kind: phantom, profile: demo, studies: 12, size: 128, seed: 3, workers: 1}\n"
        "split: {fractions: [0.5, 0.25, 0.25]}\nprompts: docphim\nmodel: {family: qwen_vl}\n" + CAPPED,
        encoding="utf-8",
    )
    answer = docphim("run", path, "--until", "train")
    assert answer.returncode == 0, answer.stderr
    order = [line.removeprefix("made: variant ") for line in answer.stderr.splitlines() if line.startswith("made: ")]
    assert order[0] == "blind" and sorted(order) == ["blind", "capped", "plain"]
    for name in order:
        text = (docphim.folder / "runs" / f"x-{name}" / "run.log").read_text(encoding="utf-8")
        assert "train: done in" in text and "build: started" not in text
