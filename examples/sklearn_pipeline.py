"""An RC-Spike circuit as the last step of a scikit-learn pipeline, its coupling chosen by cross-validation."""

from __future__ import annotations

import math

from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rcspike.sklearn import RCSpikeClassifier


def main() -> None:
    data = load_breast_cancer()
    labels = data.target_names[data.target]  # "malignant" and "benign"
    train_x, test_x, train_y, test_y = train_test_split(data.data, labels, stratify=labels, random_state=0)

    # Ten components instead of thirty features: a third of the first layer's synapses.
    model = make_pipeline(StandardScaler(), PCA(10), RCSpikeClassifier(epochs=30, random_state=0))
    search = GridSearchCV(model, {"rcspikeclassifier__v_syn": [1.0, 2.0, math.inf]}, cv=3)
    search.fit(train_x, train_y)

    for setting, accuracy in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
        print(f"V_syn = {setting['rcspikeclassifier__v_syn']} V_th: {accuracy:.1%} in cross-validation")
    print(f"the best of them on samples kept apart: {search.score(test_x, test_y):.1%}")


if __name__ == "__main__":
    main()
