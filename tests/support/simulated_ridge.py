"""What spares time in simulated nights, which ask the cost model more than they train."""

import os

import numpy as np

_PRIOR, _TOLERANCE, _MOST_STEPS = 2e-6, 1e-3, 300


def spare_time(patch):
    """Have the disk not waited for: nobody pulls the plug; and nothing checked that is sound."""
    patch.setattr(os, "fsync", lambda file: None)
    patch.setattr("sklearn.linear_model.BayesianRidge", QuickRidge)


class QuickRidge:
    """``sklearn.linear_model.BayesianRidge`` without its checks: six times as fast."""

    def fit(self, rows, values):
        x, y = np.asarray(rows), np.asarray(values)
        self.means, self.mean = x.mean(axis=0), y.mean()
        x, y = x - self.means, y - self.mean
        u, s, self.vt = np.linalg.svd(x, full_matrices=False)
        self.eigenvalues, projected = s**2, u.T @ y
        self.noise, self.weight = 1 / (np.var(y) + np.finfo(float).eps), 1.0
        before = np.inf
        for _ in range(_MOST_STEPS):
            self.coefficients = self._coefficients(s, projected)
            self._update(x, y)
            if np.abs(self.coefficients - before).sum() < _TOLERANCE:
                break
            before = self.coefficients
        self.coefficients = self._coefficients(s, projected)
        return self

    def predict(self, rows, return_std=False):
        x = np.asarray(rows) - self.means
        mean = x @ self.coefficients + self.mean
        if not return_std:
            return mean
        z = (x @ self.vt.T) ** 2
        variance = (z / (self.noise * self.eigenvalues + self.weight)).sum(axis=1)
        variance += ((x**2).sum(axis=1) - z.sum(axis=1)) / self.weight
        return mean, np.sqrt(variance + 1 / self.noise)

    def _coefficients(self, s, projected):
        return self.vt.T @ (s / (s**2 + self.weight / self.noise) * projected)

    def _update(self, x, y):
        e, error = self.eigenvalues, ((y - x @ self.coefficients) ** 2).sum()
        known = (self.noise * e / (self.weight + self.noise * e)).sum()
        self.weight = (known + _PRIOR) / ((self.coefficients**2).sum() + _PRIOR)
        self.noise = (len(y) - known + _PRIOR) / (error + _PRIOR)
