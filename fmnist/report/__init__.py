"""From the files of a run to HTML and PDF; loads neither TensorFlow nor Optuna."""
