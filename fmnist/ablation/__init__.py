"""Small planned experiments around the best configuration: what each part of it is worth.

``variants`` and ``factors`` say what is compared, ``sizing`` how large the trainings are,
``results`` what ``experiments.json`` holds. The stage that trains is
``fmnist.pipeline.stages.ablation``. Everything is scored on validation images, nothing is chosen.
"""
