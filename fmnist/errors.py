"""Errors meant for the person at the keyboard: the CLI prints them without a traceback."""

EXIT_CODES = {
    0: "done",
    1: "failed: a training, a check of doctor, or a bug (with a traceback)",
    2: "a wrong option or value; the message says what is allowed",
    3: "data that are missing, damaged or others than the run's",
    4: "a run folder that is missing, in use, finished or not permitted",
    5: "all done, but no PDF could be made",
    6: "the disk is full; nothing is lost, the same command goes on",
    7: "reproduce: the numbers do not hold",
    8: "the database of a shared study cannot be reached or used",
    9: "worker: other data or another program than the study's",
    10: "worker: one trial after another fails on this machine",
    130: "stopped by Ctrl-C or SIGTERM; the same command goes on",
}
"""What the commands return, for scripts."""


class UserError(Exception):
    """Something the user can put right; the message names the rule, the value and the remedy.

    ``exit_code`` becomes the exit status of the command.
    """

    exit_code = 2


class AccessError(UserError):
    """A file or folder that this user may not read or write."""

    exit_code = 4


class DataError(UserError):
    """A data file that breaks a rule; the message names file, rule and value."""

    exit_code = 3


class TrainingError(UserError):
    """Training failed in a way that trying again does not mend; the message says how."""

    exit_code = 1


class DiskError(UserError):
    """A disk that fails; what was written before is whole."""

    exit_code = 1


class DiskFullError(DiskError):
    """No room for a file of the run; what was written before is whole."""

    exit_code = 6


class StorageError(UserError):
    """A shared study that cannot be reached or used; the message holds no password."""

    exit_code = 8


class SealError(RuntimeError):
    """A read of the sealed test set from a stage that may not read it: always a bug."""
