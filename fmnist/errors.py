"""Errors meant for the person at the keyboard: the CLI prints them without a traceback."""


class UserError(Exception):
    """Something the user can put right; the message names the rule, the value and the remedy.

    ``exit_code`` becomes the exit status of the command.
    """

    exit_code = 2


class DataError(UserError):
    """A data file that breaks a rule; the message names file, rule and value."""

    exit_code = 3


class TrainingError(UserError):
    """Training failed in a way that trying again does not mend; the message says how."""

    exit_code = 1


class DiskFullError(UserError):
    """No room for a file of the run; what was written before is whole."""

    exit_code = 6


class SealError(RuntimeError):
    """A read of the sealed test set from a stage that may not read it: always a bug."""
