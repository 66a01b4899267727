"""Recall of reports by images and of images by reports, and what chance gets."""

import numpy as np
import pytest

from docphim.metrics import corpus, families, retrieval
from docphim.metrics.pairs import Pairs


def unit(rows):
    rows = np.array(rows, float)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_what_is_nearest_counts_both_ways():
    images = unit([[1, 0], [0, 1], [1, 1]])
    reports = unit([[1, 0.1], [1, 0.9], [0.1, 1]])  # of the second and third image the reports are exchanged
    assert retrieval.hits(images, reports, ["a", "b", "c"])[:, [0, 3]].tolist() == [[1, 1], [0, 0], [0, 0]]
    assert retrieval.hits(images, reports, ["a", "b", "b"])[:, [0, 3]].tolist() == [[1, 1], [1, 1], [1, 1]]
    assert retrieval.hits(images, reports, ["a", "b", "c"])[:, 1:3].tolist() == [[1, 1]] * 3


def test_of_equal_similarities_the_wrong_one_is_nearer():
    same = unit([[1, 0]] * 7)
    assert retrieval.hits(same, same, list("abcdefg")).tolist() == [[0, 0, 1] * 2] * 7
    assert retrieval.hits(same, same, list("aaaaaaa")).tolist() == [[1, 1, 1] * 2] * 7
    assert retrieval.hits(same, same, list("aaabbbb"))[0].tolist() == [0, 1, 1] * 2


@pytest.mark.parametrize("alike", [list("abcdefghijkl"), list("aabbbbcdefgh"), list("aaaaaaaaaaaa"), list("abc")])
def test_chance_is_what_random_orders_get(alike):
    random, n = np.random.default_rng(0), len(alike)
    drawn = [retrieval.hits(unit(random.normal(size=(n, 40))), unit(random.normal(size=(n, 40))), alike) for _ in range(3000)]
    assert np.allclose(np.mean(drawn, axis=0), retrieval.chance(alike), atol=0.035)


def test_scores_are_means_in_percent_and_nothing_without_vectors():
    hits = [[1, 1, 1, 0, 0, 1], [0, 1, 1, 0, 0, 1]]
    pairs = Pairs(["a", "b"], ["", ""], "vi", retrieved=np.array(hits))
    rows = retrieval.statistics(pairs)
    assert retrieval.aggregate(rows.sum(0)).tolist() == [50, 100, 100, 0, 0, 100]
    assert retrieval.per_study(rows).tolist() == [[100 * hit for hit in row] for row in hits]
    assert np.isnan(list(corpus(["a"], ["b"], "vi", ["retrieval"]).values())).all()
    assert "retrieval" not in families("vi")
