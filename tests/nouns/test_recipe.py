"""recipe: unknown keys, wrong values and wrong settings are one line that names the field."""

import re
from pathlib import Path

import pytest

from docphim import recipe, recipe_file
from docphim.cli import renamed
from docphim.errors import UsageError

GOOD = {"name": "x", "source": {"kind": "phantom"}, "model": {"family": "qwen_vl"}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"modle": {}}, r"modle: unknown key; did you mean 'model'\?"),
        ({"train": {"learning_rat": 1}}, r"train\.learning_rat: unknown key; did you mean 'learning_rate'\?"),
        ({"model": {"family": "qwen_vl", "lora": {"rnk": 4}}}, r"model\.lora\.rnk: unknown key; did you mean 'rank'\?"),
        ({"train": {"zzzz": 1}}, r"train\.zzzz: unknown key; known: epochs"),
        ({"train": {"learning_rate": -1}}, r"train\.learning_rate: .*greater than 0 \(got -1\)"),
        ({"language": "fr"}, r"language: Input should be 'vi' or 'en' \(got 'fr'\)"),
        (
            {"model": {"family": "qwen_vl", "freeze": ["eyes"]}},
            r"'eyes' is not one of vision, projector, language",
        ),
        ({"train": {"rates": {"eyes": 1e-5}}}, r"train\.rates"),
        ({"train": {"rates": {"vision": 0}}}, r"train\.rates\.vision: .*greater than 0"),
        (
            {"model": {"family": "qwen_vl", "tune": "full", "lora": {"modules": "x"}}},
            r"lora\.modules does nothing with tune: full",
        ),
        ({"model": {"family": "qwen_vl", "adapter": "stack", "lora": {"kind": "dora"}}}, r"adapter: stack has no kind: dora"),
        ({"split": {"fractions": [0.5, 0.5, 0.5]}}, r"split\.fractions: .*must add up to 1, not 1\.5"),
        ({"evaluate": {"images": ["noise"]}}, r"evaluate: images must hold 'own'"),
        ({"name": "../x"}, r"name: "),
    ],
)
def test_a_wrong_recipe_names_the_field(change, said):
    with pytest.raises(UsageError, match=said):
        recipe.validated(recipe.Recipe, {**GOOD, **change}, "")


def test_a_missing_key_is_named():
    with pytest.raises(UsageError, match="model: required"):
        recipe.validated(recipe.Recipe, {"name": "x", "source": {"kind": "phantom"}}, "")


def test_settings_change_nested_values_and_read_yaml(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text("name: x\nsource: {kind: phantom}\nmodel: {family: qwen_vl}\n", encoding="utf-8-sig")
    loaded = recipe.load(str(file), ["model.weights=/weights", "train.epochs=2.5", "tasks=[findings, impression]"])
    assert (loaded.model.weights, loaded.train.epochs, loaded.tasks) == ("/weights", 2.5, ["findings", "impression"])


@pytest.mark.parametrize("setting", ["model", "=1", "name.x=1", "train.epochs=[1"])
def test_a_wrong_setting_is_a_usage_error(tmp_path, setting):
    file = tmp_path / "r.yaml"
    file.write_text("name: x\nsource: {kind: phantom}\nmodel: {family: qwen_vl}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="--set"):
        recipe.load(str(file), [setting])


@pytest.mark.parametrize("text", ["a: [", "just words", "\x00"])
def test_what_is_not_a_recipe_is_a_usage_error(tmp_path, text):
    file = tmp_path / "r.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"r\.yaml"):
        recipe.load(str(file))


def test_an_unknown_recipe_lists_the_packaged_ones():
    with pytest.raises(UsageError, match="demo"):
        recipe_file.find("nope")


@pytest.mark.parametrize("name", recipe_file.packaged_names())
def test_every_packaged_recipe_is_right_and_says_itself_again(name, tmp_path):
    loaded = recipe.load(name)
    (tmp_path / "again.yaml").write_text(recipe.dump(loaded), encoding="utf-8")
    assert recipe.load(str(tmp_path / "again.yaml")) == loaded


def test_a_packaged_recipe_is_found_by_name_and_by_its_repository_path():
    assert recipe_file.find("demo") == recipe_file.find("recipes/demo.yaml")


@pytest.mark.parametrize("typed", ["mine/demo.yaml", "./demo.yaml", "~/demo.yaml", "demo.yml"])
def test_a_mistyped_path_does_not_run_the_packaged_recipe_of_that_name(typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UsageError, match="no recipe"):
        recipe_file.find(typed)


@pytest.mark.parametrize(("stem", "name"), [("films", "films"), ("phim phổi", "phim-ph-i"), ("2025", "2025"), ("_", "run")])
def test_a_copied_recipe_gets_a_run_folder_of_its_own(stem, name, tmp_path):
    (tmp_path / "copy.yaml").write_text(renamed(recipe_file.find("demo").read_text(encoding="utf-8"), stem), encoding="utf-8")
    assert recipe.load(str(tmp_path / "copy.yaml")).name == name


def keys(kind):
    for name, field in kind.model_fields.items():
        yield name
        if isinstance(field.annotation, type) and issubclass(field.annotation, recipe.Section):
            yield from keys(field.annotation)


def test_the_documents_name_every_key_and_every_packaged_recipe():
    said = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
    named = set(re.findall(r"[a-z_]+", said))
    assert {*keys(recipe.Recipe), *recipe_file.packaged_names()} - named == set()


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (bomb(12), "more than 100000 values"),
        (
            "a: &a {x: 1}\n" + "\n".join(f"b{n}: &b{n} {{<<: [{', '.join(['*a'] * 99)}]}}" for n in range(2000)),
            "more than 100000",
        ),
        ("a: &a [*a]", "an alias holds itself"),
        ("a: " + "[" * 100 + "]" * 100, "nested deeper than 40 levels"),
        ("a: " + "[" * 50_000, "nested deeper than 40 levels"),
        ("#" * (1 << 20) + "\na: 1", "larger than 1 MB"),
        ("a: " + "1" * 5000, "not YAML"),
        ("a: 2024-13-45", "not YAML"),
        ("name: x\nname: y", "name stands twice in one section"),
        ("train: {epochs: 1, epochs: 2}", "epochs stands twice in one section"),
        ("a: [", "not YAML"),
    ],
)
def test_yaml_that_is_no_recipe_is_refused_in_one_short_line(tmp_path, text, line):
    file = tmp_path / "bomb.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=re.escape(line)) as refusal:
        recipe.load(str(file))
    assert str(refusal.value).startswith("bomb.yaml: ") and len(str(refusal.value)) < 300


def test_a_setting_is_read_within_the_same_bounds():
    with pytest.raises(UsageError, match=r"^--set train\.epochs: nested deeper"):
        recipe.load("demo", ["train.epochs=" + "[" * 50_000])


def test_aliases_and_merges_that_a_person_writes_are_read(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text(
        "name: x\nsource: {kind: phantom}\nmodel: &m {family: qwen_vl, tune: full}\ntrain: {seed: &s 3}\nsplit: {seed: *s}\n",
        encoding="utf-8",
    )
    assert recipe.load(str(file)).split.seed == 3


@pytest.mark.parametrize(
    "body",
    [
        {"api_key": "abc"},
        {"Authorization": "abc"},
        {"extra_headers": {"x": "y"}},
        {"options": {"access-token": "abc"}},
        {"tools": [{"password": "abc"}]},
        {"note": "sk-proj-0123456789abcdefghij"},
        {"note": "Bearer 0123456789"},
    ],
)
@pytest.mark.parametrize("section", ["generate", "evaluate.judge"])
def test_a_secret_in_a_request_is_refused_with_the_way_to_give_it_and_never_repeated(body, section):
    service = {"endpoint": "http://127.0.0.1:1/v1", "model": "m", "body": body}
    change = {"generate": {"backend": "openai", **service}} if section == "generate" else {"evaluate": {"judge": service}}
    with pytest.raises(UsageError, match=r"body\..* holds a secret; .* name that in 'key_env'") as refusal:
        recipe.validated(recipe.Recipe, {**GOOD, **change}, "")
    assert not any(value in str(refusal.value) for value in ("abc", "0123456789"))


SECRET_NAMES = [
    "openai_api_key",
    "x-goog-api-key",
    "subscription-key",
    "apiToken",
    "session_token",
    "private_key",
    "anthropicApiKey",
    "X-Auth-Token",
    "hf_token",
    "db_password",
    "AWS_SECRET_ACCESS_KEY",
    "refreshToken",
    "userPassword",
    "set-cookie",
    "proxy-authorization",
    "service_credentials",
    "APIKey",
    "client_secret_2",
    "passphrase",
    "encryptionKey",
    "bearer",
    "x-amz-security-token",
    "jwt",
    "webhookSecret",
    "signingkey",
    "api_tokens",
]
OTHER_NAMES = [
    "max_output_tokens",
    "stop_token_ids",
    "eos_token",
    "prompt_cache_key",
    "sort_key",
    "token_count",
    "key_frames",
    "monkey",
    "tokenizer",
    "secretary",
    "keyword",
    "num_key_value_heads",
    "top_logprobs",
    "image_token",
    "cookie_cutter",
    "primary_key",
    "tokens",
    "key_env",
    "key_file",
    "top_k",
]
SECRET_VALUES = [
    "see Bearer abcdef123456",
    "https://u:pw@host",
    "ftp://me:pw@h/x",
    "https://tok@github.com/x",
    "run with sk-proj-abcDEF123456789xyz please",
    "https://h/v1?api-version=2&api_key=abc",
    "AKIAIOSFODNN7EXAMPLE",
    "Authorization: Basic dXNlcjpwYXNzd29yZA==",
]
OTHER_VALUES = [
    "https://host/v1?api-version=2024-02-01&max_tokens=5",
    "hf-internal-testing/tiny-random-model",
    "Basic assumptions of radiology",
    "ssh://git@host/x",
    "disk-0123456789abcdef0123",
]


@pytest.mark.parametrize("part", [*({name: "abc"} for name in SECRET_NAMES), *({"note": value} for value in SECRET_VALUES)])
@pytest.mark.parametrize("section", ["source", "model.tiny", "train.loss", "prepare.xray"])
def test_a_secret_anywhere_in_a_recipe_is_refused_before_it_is_written_down(section, part):
    first, _, second = section.partition(".")
    inner = {second: part} if second else part
    change = {first: {**GOOD.get(first, {}), **inner}}
    with pytest.raises(UsageError, match=rf"^recipe: {re.escape(section)}\.\S+ holds a secret; ") as refusal:
        recipe.validated(recipe.Recipe, {**GOOD, **change}, "")
    assert not any(value in str(refusal.value) for value in ("abc", "pw", "tok@", "AKIA", "dXN"))


def test_a_secret_in_the_place_of_a_name_is_not_repeated():
    with pytest.raises(ValueError, match=r"^source\.a name holds a secret"):
        recipe.refuse_secrets({"source": {"sk-0123456789abcdefgh": 1}})


def test_what_models_are_asked_with_is_no_secret():
    recipe.refuse_secrets({"max_completion_tokens": 9, "prompt_cache_key": "a", "logit_bias": {"5": 1}, "stop": ["key"]})
    recipe.refuse_secrets({**dict.fromkeys(OTHER_NAMES, "abc"), "notes": OTHER_VALUES, "token": None, "return_token": True})


def test_values_are_shown_short_and_without_what_steers_a_terminal():
    change = {"train": {"learning_rate": "\x1b[2J" + "9" * 5000}}
    with pytest.raises(UsageError, match=r"train\.learning_rat") as refusal:
        recipe.validated(recipe.Recipe, {**GOOD, **change}, "")
    assert "\x1b" not in str(refusal.value) and len(str(refusal.value)) < 250
    with pytest.raises(UsageError) as refusal:
        recipe.validated(recipe.Recipe, {**GOOD, "\x1b[31mred\u202e": 1}, "")
    assert "\x1b" not in str(refusal.value) and "\u202e" not in str(refusal.value)
