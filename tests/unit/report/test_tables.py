"""How the columns of a printed table share the line."""

from dataclasses import replace
from pathlib import Path

import pytest

from fmnist.report.load import load_facts
from fmnist.report.tables import reproducibility
from fmnist.report.tables.base import DENSE_LINE, DENSE_PADDING, Table, _width

RECORDED = Path(__file__).parents[2] / "data" / "short_run"


@pytest.mark.parametrize(
    ("precision", "words"),
    [("float32", "32-bit floating point"), ("mixed_bfloat16", "bfloat16 products, 32-bit weights")],
)
def test_the_machine_says_in_which_precision_it_trained(precision, words):
    facts = load_facts(RECORDED)
    told = reproducibility.environment(
        replace(facts, environment=replace(facts.environment, precision=precision))
    )
    assert dict(told.rows)["Trained in"].startswith(words)


PROSE = "random crops and flips of every image, erasing, a published script prints the best one "
LONG = Table(
    "Results", ("Name", "Accuracy", "What"),
    (("ResNet-20", "95.61 %", PROSE * 4), ("Dense", "100.00 %", "none")), numeric=(1,), dense=True,
)  # fmt: skip


def test_the_columns_fill_the_line():
    for table in (LONG, LONG.turned(), Table("Empty", ("One", "Two"), ())):
        assert sum(table.widths) == pytest.approx(100, abs=0.05)
        assert min(table.widths) > 0


def test_prose_takes_what_numbers_and_names_leave():
    name, number, prose = LONG.widths
    assert prose > 70
    room = number / 100 * DENSE_LINE - DENSE_PADDING
    assert room == pytest.approx(_width("100.00 %"), rel=0.02)
    assert name < 2 * number


def test_a_table_too_wide_for_its_numbers_shares_out_what_there_is():
    table = Table("Wide", ("Name",) * 40, (("1,234,567",) * 40,), numeric=tuple(range(40)))
    assert set(table.widths) == {2.5}


def test_letters_twice_as_wide_count_twice():
    assert _width("花花") > 1.9 * _width("aa")
