"""Small planned experiments around the best configuration: what each part of it is worth.

``catalogue`` says what is compared, ``fidelity`` how large the trainings are, ``statistics`` how
sure a difference is, ``record`` what ``experiments.json`` holds. The stage that trains is
``fmnist.pipeline.stages.ablation``. Everything is scored on validation images, nothing is chosen.
"""
