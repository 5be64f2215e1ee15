"""Fitting one model: epochs, schedule, checkpoints, and the objective that a search calls."""
