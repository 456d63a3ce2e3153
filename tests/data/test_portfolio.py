"""OR-Library's port1-3: the published efficient frontiers, point by point."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from quanke.wealth.portfolios import frontier

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "portfolio"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no portfolio data: {FOLDER} is absent")


def moments(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Means and covariances: the file gives means, standard deviations and correlations."""
    words = path.read_text().split()
    n = int(words[0])
    means, deviations = np.array(words[1 : 1 + 2 * n], float).reshape(n, 2).T
    pairs = np.array(words[1 + 2 * n :], float).reshape(-1, 3)
    rows, columns = pairs[:, :2].astype(int).T - 1
    correlation = np.zeros((n, n))
    correlation[rows, columns] = correlation[columns, rows] = pairs[:, 2]
    return means, correlation * np.outer(deviations, deviations)


@pytest.mark.parametrize(("which", "assets"), [(1, 31), (2, 85), (3, 89)])
def test_the_published_frontier(which: int, assets: int) -> None:
    mean, cov = moments(FOLDER / f"port{which}.txt")
    published = np.loadtxt(FOLDER / f"portef{which}.txt")
    assert len(mean) == assets and published.shape == (2000, 2)
    found = frontier(mean, cov, published[:, 0])
    assert np.abs(found.variance - published[:, 1]).max() < 1e-6
    # the variances themselves are as small as 1e-4: near in proportion as well
    assert np.abs(found.variance / published[:, 1] - 1).max() < 1e-6
    assert np.abs(found.mean - published[:, 0]).max() < 1e-6
    assert np.abs(found.weights.sum(axis=1) - 1).max() < 1e-12 and found.weights.min() >= 0
