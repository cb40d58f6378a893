#!/usr/bin/env python3
"""Writes metrics.safetensors, which golden_metrics.cpp replays: outputs, what is right, and scikit-learn's metrics.

    pip install scikit-learn numpy safetensors
    python tests/golden/make_metrics.py

scikit-learn's version is in the file's metadata. Tensor names: `<case>.y` (outputs), `<case>.label` or
`<case>.target`, `<case>.of.<metric>`.
"""

import pathlib

import numpy as np
import sklearn
from safetensors.numpy import save_file
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

FOLDER = pathlib.Path(__file__).resolve().parent


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def classification(tensors, case, z, label):
    """`z` is float32; what scikit-learn gets is made of it in double precision."""
    classes = np.arange(z.shape[1])
    answers, wide = z.argmax(axis=1), z.astype(np.float64)
    tensors[f"{case}.y"], tensors[f"{case}.label"] = z, label.astype(np.int64)
    values = {
        "loss": metrics.log_loss(label, softmax(wide), labels=classes),
        "accuracy": metrics.accuracy_score(label, answers),
        "macro_f1": metrics.f1_score(label, answers, average="macro"),
        "balanced_accuracy": metrics.balanced_accuracy_score(label, answers),
    }
    if z.shape[1] == 2 and len(np.unique(label)) == 2:
        values["auc"] = metrics.roc_auc_score(label, wide[:, 1] - wide[:, 0])
    tensors.update({f"{case}.of.{name}": np.array(value) for name, value in values.items()})


def regression(tensors, case, y, target):
    wide = y.astype(np.float64)
    tensors[f"{case}.y"], tensors[f"{case}.target"] = y[:, None], target
    values = {
        "loss": metrics.mean_squared_error(target, wide),
        "rmse": metrics.mean_squared_error(target, wide) ** 0.5,
        "mae": metrics.mean_absolute_error(target, wide),
        "r2": metrics.r2_score(target, wide),
    }
    tensors.update({f"{case}.of.{name}": np.array(value) for name, value in values.items()})


def main():
    random = np.random.default_rng(0)
    tensors = {}

    def logits(samples, label, classes, strength):
        z = random.normal(size=(samples, classes))
        z[np.arange(samples), label] += strength
        return z.astype(np.float32)

    label = random.choice(4, size=60, p=[0.5, 0.3, 0.15, 0.05])
    classification(tensors, "classes", logits(60, label, 4, 1.0), label)
    label = random.choice([0, 1, 3], size=40)  # no sample of the third class, which is answered
    classification(tensors, "absent", logits(40, label, 4, 1.0), label)
    z = logits(40, label, 5, 1.0)
    z[:, 4] = -9  # the fifth neither occurs nor is answered
    classification(tensors, "unseen", z, label)
    label = random.choice(2, size=70, p=[0.8, 0.2])
    classification(tensors, "two", logits(70, label, 2, 0.7), label)
    z = np.round(2 * logits(70, label, 2, 0.7)) / 2
    classification(tensors, "ties", z.astype(np.float32), label)
    classification(tensors, "single", logits(9, np.ones(9, int), 2, 0.7), np.ones(9, int))
    target = random.normal(size=50)
    regression(tensors, "numbers", (0.7 * target + random.normal(size=50)).astype(np.float32), target)
    constant = np.full(6, 2.0)
    regression(tensors, "constant", np.arange(6).astype(np.float32), constant)
    regression(tensors, "exact", constant.astype(np.float32), constant)

    # Weighted logistic regression.
    label = random.choice(3, size=80, p=[0.6, 0.3, 0.1])
    x = random.normal(size=(80, 4)) + np.eye(3, 4)[label]
    fit = LogisticRegression(C=0.5, class_weight={0: 0.5, 1: 1, 2: 4}, tol=1e-12, max_iter=10000).fit(x, label)
    tensors.update({"probe.x": x, "probe.label": label.astype(np.int64), "probe.logits": fit.decision_function(x)})
    save_file(tensors, FOLDER / "metrics.safetensors", metadata={"scikit-learn": sklearn.__version__})
    (FOLDER / "metrics.safetensors").chmod(0o644)


if __name__ == "__main__":
    main()
