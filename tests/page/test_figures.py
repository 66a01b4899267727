"""Figures: what they draw where."""

import math
import re

import pytest

from docphim.page import curve
from docphim.page.figures import pair_bar, scores_figure
from docphim.scores import TaskScores
from docphim.study import from_row

LOG = [{"step": 10 * i, "loss": 5 / i, **({"val/loss": abs(i - 3) + 1, "val/rougeL": i} if i % 2 else {})} for i in range(1, 8)]


def widths(svg, klass):
    return [float(w) for w in re.findall(rf'width="([\d.]+)"[^>]*class="bar {klass}"', svg)]


def score(value, low=None, high=None):
    return {"rougeL": {"value": value, "low": low, "high": high}}


def test_bars_are_as_long_as_their_values_and_the_band_spans_the_interval():
    task = {
        "scores": score(60.0, 50.0, 70.0),
        "floors": {"constant": score(30.0)},
        "reliance": {"other": score(15.0)},
        "ceiling": score(90.0),
    }
    svg = scores_figure(from_row(TaskScores, task), "rougeL")
    (own,), (floor,), (wrong,) = widths(svg, "own"), widths(svg, "floor"), widths(svg, "wrong")
    assert own == pytest.approx(2 * floor, abs=0.1)
    assert floor == pytest.approx(2 * wrong, abs=0.1)
    assert 'class="band"' in svg
    assert 'class="ceiling"' in svg


def test_without_interval_there_is_neither_band_nor_whisker():
    svg = scores_figure(from_row(TaskScores, {"scores": score(60.0)}), "rougeL")
    assert "band" not in svg
    assert "whisker" not in svg


@pytest.mark.parametrize("value", [0.0, 0.3, 100.0])
def test_extreme_scores_stay_inside(value):
    assert max(widths(scores_figure(from_row(TaskScores, {"scores": score(value)}), "rougeL"), "own")) <= 340


def test_youden_bars_start_at_zero_and_may_be_negative():
    assert pair_bar(0.5, -0.9).count("<rect") == 2
    assert pair_bar(0.5, None).count("<rect") == 1


KEPT = [("val/loss", 30), ("val/rougeL", 70), ("val/bleu4", None)]


@pytest.mark.parametrize(("metric", "step"), KEPT)
def test_the_kept_step_has_the_lowest_loss_or_the_highest_score(metric, step):
    assert curve.best_step(LOG, metric) == step


def test_a_log_gives_one_figure_of_the_loss_and_one_a_metric():
    assert len(curve.curves(LOG, "val/loss")) == 2
    assert len(curve.curves([{"step": 1, "loss": 2.0}], "val/loss")) == 1
    pairs = {"val/negative": 3.0, "val/gap": 0.5, "capped": 0.25, "val/words": 40.0, "val/distinct": 50.0}
    drawn = curve.curves([{"step": step, "val/loss": 2.5, **pairs} for step in (1, 2)], "val/loss")
    assert [str(figure).count('class="line') for _, figure in drawn] == [1, 2, 1, 1, 1, 1]
    assert [len(re.findall(r"line (?:val|negative)", str(figure))) for _, figure in drawn[1:3]] == [2, 1]
    assert curve.curves([], "val/loss") == []


def test_a_curve_falls_where_its_values_do_and_stays_within_its_axes():
    drawn = str(curve.curves([{"step": step, "loss": loss} for step, loss in ((1, 5.0), (2, 3.0), (4, 1.0))], "val/loss")[0])
    (tag,) = re.findall(r"<path[^>]*line train[^>]*>", drawn)
    xs, ys = zip(*(map(float, point.split()) for point in re.search(r'd="M([^"]*)"', tag)[1].split("L")), strict=True)
    assert list(ys) == sorted(ys) and list(xs) == sorted(xs)
    assert ys[0] >= curve.TOP and ys[-1] <= curve.BOTTOM and ys[-1] - ys[0] > 0.6 * (curve.BOTTOM - curve.TOP)
    assert (ys[1] - ys[0], xs[2] - xs[1]) == (
        pytest.approx(ys[2] - ys[1], abs=0.2),
        pytest.approx(2 * (xs[1] - xs[0]), abs=0.2),
    )


def test_ticks_that_lie_close_together_have_the_digits_to_tell_them_apart():
    drawn = str(curve.curves([{"step": step, "loss": 2 + step / 100} for step in (1, 2, 3)], "val/loss")[0])
    texts = re.findall(r'<tspan class="en" lang="en">([\d.]+)</tspan>', drawn)
    assert len(texts) == len(set(texts)) > 3, texts


def test_values_that_are_no_numbers_are_left_out():
    rows = [{"step": 1, "loss": math.nan}, {"step": 2, "loss": None}, {"step": 3, "loss": 1.5}]
    assert curve.points(rows, "loss") == [(3, 1.5)]


def test_long_logs_are_thinned_to_means():
    line = curve.thinned([(i, 1.0) for i in range(10_000)])
    assert len(line) <= curve.MOST
    assert {v for _, v in line} == {1.0}
