"""Statistics of finished models: metrics, intervals, calibration, label errors, Grad-CAM."""
