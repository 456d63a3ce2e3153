"""What a bank would try first, on the same calls: both learn from all that comes before the report."""

from __future__ import annotations

from typing import Any

import numpy as np

from quanke.plans.scores.fitting import Sheet, joined
from quanke.plans.scores.measures import measured


def logistic_regression(train: Sheet, later: Sheet, report: Sheet) -> dict[str, Any]:
    """scikit-learn's, over columns of mean 0 and deviation 1, unknown as the mean."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    whole = joined([train, later])
    model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=1_000))
    return _on(model.fit(whole.rows, whole.happened), report)


def gradient_boosting(train: Sheet, later: Sheet, report: Sheet) -> dict[str, Any]:
    """scikit-learn's HistGradientBoostingClassifier as it comes."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    whole = joined([train, later])
    return _on(HistGradientBoostingClassifier(random_state=0).fit(whole.rows, whole.happened), report)


def _on(model: Any, report: Sheet) -> dict[str, Any]:
    said = np.asarray(model.predict_proba(report.rows)[:, 1], np.float64)
    return measured(said, report.happened)
