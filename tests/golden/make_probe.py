#!/usr/bin/env python3
"""Prints what tests/unit_baselines.cpp expects of linear probes. Needs scikit-learn (1.9.1 was used)."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge

x, y = load_digits(return_X_y=True)
mean, deviation = x[:900].mean(0), x[:900].std(0)
deviation[deviation == 0] = np.inf
x = (x - mean) / deviation
for c in (1e-3, 1e-1, 1, 1e2):
    model = LogisticRegression(C=c, tol=1e-9, max_iter=20000).fit(x[:900], y[:900])
    p = model.predict_proba(x[900:])
    print("logistic", c, model.score(x[900:], y[900:]), -np.log(p[np.arange(len(p)), y[900:]]).mean())
for c in (1e3, 1.0, 1e-2):
    error = Ridge(alpha=1 / c).fit(x[:900], y[:900].astype(float)).predict(x[900:]) - y[900:]
    print("ridge", c, np.sqrt((error**2).mean()))
