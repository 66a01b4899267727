"""`docphim bench`: what it measures is what was computed, and it leaves nothing behind."""

import json

import pytest
import torch
from tiny_training import SIZES, TEXTS, model_section, train_section
from torch._dynamo.testing import CompileCounterWithBackend
from torch.nn.functional import scaled_dot_product_attention
from typer.testing import CliRunner

from docphim import cli
from docphim.bench import bench
from docphim.bench.flops import flops_of_step
from docphim.bench.spent import kind_of
from docphim.bench.text import limit, lines
from docphim.models.load import create_tiny, give_random_weights, load_reader
from docphim.train import compiled

AMOUNT = {"steps": 2, "new_tokens": 8, "tokens": 60, "frames": 1}


def measured(dataset=None, train=(), **amount):
    return bench(dataset, model=model_section(), train=train_section(workers=0, **dict(train)), amount=AMOUNT | amount)


@pytest.fixture(scope="module")
def answer():
    return measured(train={"batch_size": 2, "accumulate": 2})


def test_tokens_samples_and_seconds_agree(answer):
    seconds = answer["steps"] * answer["seconds_a_step"]
    assert answer["samples_per_s"] * seconds == pytest.approx(2 * 2 * 2)  # steps, examples, micro-batches
    assert answer["tokens_per_s"] * seconds == pytest.approx(answer["tokens_a_sample"] * 8)
    assert answer["tokens_a_sample"] == pytest.approx(AMOUNT["tokens"], rel=0.1)


def test_the_share_of_the_peak_follows_from_the_operations(answer):
    language, embedding = answer["parts"][-1]["parameters"], SIZES["vocab"] * SIZES["hidden"]
    assert answer["tflops"] * 1e12 / answer["tokens_per_s"] > 6 * (language - embedding)  # six a parameter that multiplies
    assert answer["hfu"] == pytest.approx(answer["tflops"] / answer["peak_tflops"])
    assert 0 < answer["mfu"] < 1


def test_the_shares_of_a_step_are_shares(answer):
    shares = answer["time"]["kinds"]
    assert shares.keys() >= {"matrix products", "optimiser"}
    assert 0 <= answer["time"]["idle"] < 1
    assert sum(shares.values()) + answer["time"]["idle"] == pytest.approx(1, abs=0.05)


def test_answers_are_measured_one_by_one_and_a_batch_at_once(answer):
    assert [one["batch"] for one in answer["answer"]] == [1, 2]
    assert all(one["tokens_per_s"] > 0 or one["ended_early"] for one in answer["answer"])


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_compiled_blocks_are_timed_and_their_operations_counted_as_those_of_plain_ones(answer, monkeypatch):
    torch.compiler.reset()
    backend = CompileCounterWithBackend("eager")
    monkeypatch.setattr(compiled, "BACKEND", backend)
    quick = measured(train={"batch_size": 2, "accumulate": 2, "compile": True})
    ours, theirs = ([a[key] / a["tokens_per_s"] * a["peak_tflops"] for key in ("hfu", "mfu")] for a in (quick, answer))
    assert backend.frame_count and ours == pytest.approx(theirs, rel=1e-6)
    torch.compiler.reset()


def test_a_stack_of_slices_is_a_longer_example(answer):
    stack = measured(frames=6, tokens=16)
    assert stack["tokens_a_sample"] > measured(tokens=16)["tokens_a_sample"]


def test_a_built_dataset_is_read_and_not_written(dataset):
    before = {path: path.stat().st_mtime_ns for path in dataset.rglob("*")}
    answer = measured(dataset)
    assert answer["data"] == "dataset"
    assert {path: path.stat().st_mtime_ns for path in dataset.rglob("*")} == before


def test_recomputing_is_more_work_and_needs_no_more_operations(answer):
    sparing = measured(train={"batch_size": 2, "accumulate": 2, "gradient_checkpointing": True})
    work, needed = ([a[key] / a["tokens_per_s"] * a["peak_tflops"] for a in (answer, sparing)] for key in ("hfu", "mfu"))
    assert work[1] > 1.1 * work[0]
    assert needed[1] == pytest.approx(needed[0])


@pytest.mark.parametrize("backward", [False, True])
def test_attention_whose_queries_share_keys_is_counted(backward):
    query = torch.randn(1, 4, 16, 8, requires_grad=True)
    key, value = (torch.randn(1, 2, 16, 8, requires_grad=True) for _ in range(2))

    def step():
        out = scaled_dot_product_attention(query, key, value, enable_gqa=True)
        if backward:
            out.sum().backward()

    product = 2 * 4 * 16 * 16 * 8  # one matrix product of all heads
    assert flops_of_step(step) == (2 + 5 if backward else 2) * product


@pytest.mark.parametrize(
    ("kernel", "kind"),
    [
        ("nvjet_tst_128x256_64x4_2x1_v_bz_coopA_NNT", "matrix products"),
        ("void cutlass::Kernel2<cutlass_80_tensorop_bf16_s16816gemm_relu>", "matrix products"),
        ("pytorch_flash::flash_bwd_dq_dk_dv_loop_seqk_parallel_kernel", "attention"),
        ("cudnn_generated_fort_native_sdpa_sm90_flash_fprop_wgmma", "attention"),
        ("aten::_fused_adamw_", "optimiser"),
        ("Memcpy HtoD (Pinned -> Device)", "copies and casts"),
        ("at::native::reduce_kernel<512, 1, MeanOps>", "sums and norms"),
        ("at::native::vectorized_elementwise_kernel<8, silu>", "elementwise"),
    ],
)
def test_a_kernel_has_a_kind_by_its_name(kernel, kind):
    assert kind_of(kernel) == kind


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data_wait": 0.2}, "train.workers"),
        ({"idle": 0.5, "device": "NVIDIA H200"}, "train.batch_size"),
        ({"idle": 0.5}, "matrix products"),
    ],
)
def test_what_limits_a_step_is_named(changes, words):
    time = {"kinds": {"matrix products": 0.5}, "idle": changes.get("idle", 0.1)}
    answer = {"data_wait": changes.get("data_wait", 0.0), "device": changes.get("device", "CPU, 2 threads"), "time": time}
    assert words in limit(answer)


def test_random_weights_are_made_where_there_are_none(tmp_path):
    made = create_tiny("qwen_vl", TEXTS, 56, 0, SIZES)
    folder = tmp_path / "model"
    for part in (made.model.config, made.processor, made.tokenizer):
        part.save_pretrained(folder)
    loaded = give_random_weights(load_reader(str(folder), "qwen_vl", 56), "fp32")
    assert not list(folder.glob("*.safetensors"))
    assert {name: p.shape for name, p in loaded.model.named_parameters()} == {
        name: p.shape for name, p in made.model.named_parameters()
    }


def test_the_command_says_speed_memory_and_what_limits_it(answer):
    text = lines(answer)
    for words in ("tokens/s", "samples/s", "TFLOP/s", "MB at the most", "data wait", "nothing runs", "What limits it"):
        assert words in text


def test_the_command_prints_what_it_measured_as_json(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = ["model.image_size=56", "train.batch_size=1", *(f"model.tiny.{key}={value}" for key, value in SIZES.items())]
    options = [part for one in small for part in ("--set", one)]
    options += ["--steps", "1", "--new-tokens", "8", "--tokens", "40", "--json"]
    answer = CliRunner().invoke(cli.app, ["bench", "demo", *options])
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["model"] == "tiny-qwen2_5_vl"
    assert not list(tmp_path.iterdir())
