"""Clusters: found where they are, the same on any thread, and the same ones the night after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import check_estimator

from quanke.segments.cluster_names import ClusterName, names_of
from quanke.segments.cluster_scaling import FURTHEST, Scaling
from quanke.segments.clusters import CHUNK, ClusterModel, find_clusters
from tests.segments.planted import TITLES, Columns, bank


@pytest.fixture(scope="module")
def known() -> tuple[Columns, np.ndarray, ClusterModel, np.ndarray]:
    """A bank, its true kinds, and what was found in it."""
    columns, kind = bank(20_000, seed=1)
    return columns, kind, *find_clusters(columns, TITLES, None, random_state=7)


Known = tuple[Columns, np.ndarray, ClusterModel, np.ndarray]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learn_finds_its_contract_kept() -> None:
    results = check_estimator(ClusterModel(bootstraps=2), on_fail="raise", on_skip=None)
    assert len(results) > 30


def test_planted_kinds_are_found(known: Known) -> None:
    _, kind, model, labels = known
    assert labels.dtype == np.int16 and len(labels) == 20_000
    assert adjusted_rand_score(kind, labels) > 0.9
    assert model.n_clusters_ == 5
    assert model.stability_[5] > 0.9 > model.stability_[9]


def test_clusters_are_named_by_what_sets_them_apart(known: Known) -> None:
    _, kind, model, labels = known
    old = model.names_[int(np.bincount(labels[kind == 2]).argmax())]
    rich = model.names_[int(np.bincount(labels[kind == 4]).argmax())]
    assert set(old.zh.split("·")) == {"持有贷款", "高年龄"}
    assert old.en in ("Has a loan, high age", "High age, has a loan")
    assert set(rich.zh.split("·")) == {"高AUM", "高理财"}
    assert len({name.zh for name in model.names_.values()}) == model.n_clusters_


def test_labels_and_names_stay_when_the_bank_moves_on(known: Known) -> None:
    columns, _, model, labels = known
    later = {
        name: values * 1.02 if name in ("aum", "investments") else values for name, values in columns.items()
    }
    again, same = find_clusters(later, TITLES, ClusterModel.from_json(model.to_json()), random_state=8)
    assert np.mean(same == labels) > 0.99
    assert again.names_ == model.names_
    others, _ = bank(25_000, seed=2, growth=1.3)
    third, _ = find_clusters(others, TITLES, again, random_state=9)
    assert set(third.cluster_labels_) == set(model.cluster_labels_)
    assert third.next_label_ == model.next_label_


def test_a_new_kind_of_customer_gets_a_new_label_and_the_old_keep_theirs() -> None:
    columns, kind = bank(20_000, seed=1, kinds=4)
    model = ClusterModel(4, features=tuple(columns), titles=TITLES).fit(
        np.column_stack(list(columns.values()))
    )
    more, kinds = bank(20_000, seed=2, kinds=5)
    rows = np.column_stack(list(more.values()))
    later = ClusterModel(5, features=tuple(columns), titles=TITLES).fit(rows, previous=model)
    new = set(later.cluster_labels_) - set(model.cluster_labels_)
    assert set(model.cluster_labels_) < set(later.cluster_labels_)
    assert new == {4} and later.next_label_ == 5
    assert np.bincount(kinds[later.labels_ == 4]).argmax() == 4
    for k in range(4):
        assert (
            np.bincount(model.labels_[kind == k]).argmax() == np.bincount(later.labels_[kinds == k]).argmax()
        )


def test_a_label_is_never_given_to_another_cluster() -> None:
    columns, _ = bank(5_000, seed=1)
    rows = np.column_stack(list(columns.values()))
    model = ClusterModel(5, features=tuple(columns)).fit(rows)
    turned = rows.copy()
    turned[:, 3] = 100 + np.random.default_rng(0).standard_normal(len(rows)) * 0.1 * np.nan_to_num(rows[:, 3])
    turned[:, 0] = -(turned[:, 0] ** 1.5)
    later = ClusterModel(5, features=tuple(columns)).fit(turned, previous=model)
    kept = set(later.cluster_labels_) & set(model.cluster_labels_)
    assert later.next_label_ == 5 + (5 - len(kept))
    assert later.next_label_ > 5


def test_with_other_columns_labels_are_matched_over_those_that_stayed(known: Known) -> None:
    columns, _, model, labels = known
    fewer = {name: columns[name] for name in ("has_loan", "age", "logins", "aum")}
    _, again = find_clusters(fewer, TITLES, model, random_state=1)
    assert np.mean(again == labels) > 0.95
    unrelated = {"x": columns["aum"], "y": columns["logins"]}
    other, _ = find_clusters(unrelated, {}, model, random_state=1)
    assert min(other.cluster_labels_) >= model.next_label_


def test_json_holds_everything(known: Known) -> None:
    columns, _, model, labels = known
    again = ClusterModel.from_json(model.to_json())
    assert again.to_json() == model.to_json()
    assert (again.predict_columns(columns) == labels).all()
    assert json.loads(model.to_json())["clusters"][0]["name_zh"] == model.names_[0].zh
    with pytest.raises(ValueError, match="format"):
        ClusterModel.from_json('{"format": 99}')


def test_a_customer_is_labelled_the_same_wherever_he_stands() -> None:
    columns, _ = bank(3 * CHUNK + 17, seed=4)
    model = ClusterModel(5, features=tuple(columns)).fit(np.column_stack(list(columns.values())))
    labels = model.labels_
    order = np.random.default_rng(0).permutation(len(labels))
    assert (model.predict_columns({n: v[order] for n, v in columns.items()}) == labels[order]).all()
    rows = np.column_stack([columns[name] for name in columns])
    assert (model.predict(rows) == labels).all()


SCRIPT = """
import hashlib, sys
sys.path.insert(0, {root!r})
import numpy as np
from tests.segments.planted import bank
from quanke.segments.clusters import ClusterModel
rows = np.column_stack(list(bank(10_000, seed=5)[0].values()))
model = ClusterModel(k_max=5, bootstraps=2, random_state=3).fit(rows)
print(hashlib.sha256(model.to_json().encode() + model.labels_.tobytes()).hexdigest())
"""


def test_threads_change_nothing() -> None:
    root = str(Path(__file__).resolve().parents[2])
    found = set()
    for threads in ("1", "2"):
        limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(root=root)],
            env={**os.environ, **limits, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(run.stdout)
    assert len(found) == 1


def test_memory_does_not_grow_with_the_bank() -> None:
    columns, _ = bank(400_000, seed=6)
    model = ClusterModel(5, features=tuple(columns)).fit(
        np.column_stack([values[:5_000] for values in columns.values()])
    )
    tracemalloc.start()
    model.predict_columns(columns)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000, "1.6 MB of labels and some pieces"


@pytest.mark.parametrize(
    "columns",
    [
        {"a": np.array([1.0])},
        {"a": np.full(1_000, 5.0), "b": np.full(1_000, np.nan)},
        {"a": np.array([np.nan, np.inf, -np.inf, 1e300, -1e300] * 100)},
        {"a": np.array([0.0, 1.0] * 500)},
        {"a": np.arange(3.0), "b": np.zeros(3)},
    ],
    ids=["one customer", "all alike", "without bounds", "two values", "three customers"],
)
def test_poor_columns_give_few_clusters_and_no_warning(columns: Columns) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model, labels = find_clusters(columns, {}, None, random_state=1)
        _, again = find_clusters(columns, {}, model, random_state=2)
    assert 1 <= model.n_clusters_ <= 10
    assert (labels >= 0).all() and (again == labels).all()
    ClusterModel.from_json(model.to_json())


def test_nobody_cannot_be_clustered() -> None:
    with pytest.raises(ValueError, match="at least one customer"):
        find_clusters({"a": np.array([])}, {}, None, random_state=1)
    with pytest.raises(ValueError, match="one length"):
        find_clusters({"a": np.zeros(2), "b": np.zeros(3)}, {}, None, random_state=1)


def test_amounts_are_read_logarithmically_and_what_is_unknown_lies_in_the_middle() -> None:
    random = np.random.default_rng(0)
    rows = np.column_stack([np.exp(random.standard_normal(10_000) * 2 + 10), random.standard_normal(10_000)])
    rows[5, :] = np.nan
    scaling = Scaling.of(rows)
    assert scaling.logarithmic == (True, False)
    scaled = scaling.rows(rows)
    assert np.abs(np.median(scaled, axis=0)).max() < 0.01 and np.abs(scaled).max() <= FURTHEST
    assert (scaled[5] == 0).all()
    inside = np.abs(scaled).max(axis=1) < FURTHEST
    inside[5] = False
    np.testing.assert_allclose(scaling.natural(scaled[inside]), rows[inside], rtol=1e-9)


def test_no_two_clusters_have_one_name_and_a_true_name_stays() -> None:
    apart = np.array([[1.0, 0.9, 0.6], [1.0, 0.8, -0.7], [1.0, 0.8, 0.6], [0.0, 0.1, 0.0]])
    features, titles = (
        ("a", "b", "c"),
        {"a": ("资产", "Assets"), "b": ("年龄", "Age"), "c": ("是否代发", "Is paid")},
    )
    first = names_of(apart, features, titles, frozenset("c"), [None] * 4)
    assert [n.zh for n in first] == ["高资产·高年龄", "高资产·高年龄·少代发", "高资产·高年龄·代发", "高年龄"]
    assert first[0].en == "High assets, high age"
    drifted = apart.copy()
    drifted[0] = [0.3, 0.4, 2.0]
    second = names_of(drifted, features, titles, frozenset("c"), first)
    assert second[0] == first[0], "less marked, but still true"
    drifted[0] = [-0.3, 0.4, 2.0]
    assert names_of(drifted, features, titles, frozenset("c"), first)[0].zh == "代发"
    nothing = names_of(np.zeros((2, 3)), features, titles, frozenset(), [None, None])
    assert [n.zh for n in nothing] == ["各项居中", "各项居中 2"]
    assert nothing[0] == ClusterName("各项居中", "Average throughout", ())
