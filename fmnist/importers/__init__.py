"""Reading in a search that another program made: a keras-tuner project or an Optuna study.

``sources`` opens it and gives a ``foreign.Study``; ``matching`` finds our fields in its
parameters, ``values`` the validation accuracy in its values, ``spaces`` the space in its ranges;
``writing`` makes a run folder of them, which can be reported on; ``onward`` is how a new run starts
from such a folder.
"""
