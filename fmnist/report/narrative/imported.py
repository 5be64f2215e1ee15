"""What a report says of trials that were read in from another program, in sentences."""

from __future__ import annotations

from fmnist.report import text
from fmnist.report.facts import Facts
from fmnist.runs.records.run import Imported

NOT_DONE = (
    "None of what the study did was repeated here: no trial was confirmed on fresh seeds, no "
    "network was trained, and the test set was not read. So there is no accuracy to report but the "
    "values of the trials."
)
CONDITIONS = (
    "On which images the trials were trained and scored, for how long and with which seeds is not "
    "known here, so their values cannot be set beside those of another run. If they were scored on "
    "the test images, a choice among them is a choice on the test set."
)


def origin(facts: Facts) -> str:
    """Where the trials come from and what was not done; empty for a run of our own."""
    found = facts.run.imported
    if found is None:
        return ""
    return (
        f"The trials are those of the {found.kind} “{found.study}”, read in on "
        f"{text.moment(found.at)}. Nothing was confirmed, trained or tested here."
    )


def values(found: Imported) -> str:
    """What stands for the validation accuracy, and what the study itself did with it."""
    goal = {"maximize": "to make its values large", "minimize": "to make its values small"}
    aim = goal.get(found.direction)
    sentence = f"Validation accuracy is here {found.value}."
    return f"{sentence} The study was {aim}." if aim else sentence


def unsearched(facts: Facts) -> str:
    """What is known of the fields that the study did not search; empty for a run of our own."""
    found = facts.run.imported
    if found is None:
        return ""
    given = [f"{text.title_case(n)} {text.value(v)}" for n, v in found.settings.items()]
    said = f" Fixed in the study or given by hand: {text.listing(given)}." if given else ""
    return (
        "Fields that the study did not search have the defaults of this program in the "
        f"configuration; the study may have had other values.{said}"
    )
