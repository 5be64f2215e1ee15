"""Trials that Optuna or keras-tuner made, as a run folder of this program.

Detect the source (``detect``), read it (``optuna``, ``optuna_journal``, ``keras_tuner``) into an
``external.Study``, map its parameters to our fields (``parameter_mapping``), check that its
objective is the validation accuracy (``objective_values``), derive the space from its ranges
(``search_space``), write the run folder (``run_writer``).
"""
