"""A document printed by the second process: the same bytes, the same errors, and no hang."""

import gc
import multiprocessing
from datetime import UTC, datetime

import pytest

from fmnist.report.output import second_process
from fmnist.report.output.pdf import PrintingError, print_document

PAGE = "<html lang=en><head><title>A page</title></head><body><p>{}</p></body></html>"
DAY = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def second(monkeypatch):
    monkeypatch.setattr(second_process, "available_cores", lambda: 2)
    with second_process.printer() as printer:
        assert printer.pipe is not None
        yield printer
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_it_gives_the_same_bytes(second):
    second.begin(PAGE.format("words"), "", DAY)
    assert second.result() == print_document(PAGE.format("words"), "", DAY)


@pytest.mark.slow
def test_its_errors_reach_the_first(second):
    second.begin(PAGE.format('<img src="http://elsewhere.invalid/a.png">'), "", DAY)
    with pytest.raises(PrintingError, match="may load nothing"):
        second.result()


@pytest.mark.parametrize("before", [True, False])
def test_where_it_dies_the_first_prints(second, before):
    (process,) = multiprocessing.active_children()
    if before:
        process.kill()
        process.join()
    second.begin(PAGE.format("words"), "", DAY)
    process.kill()
    assert second.result().pages == 1


def test_on_one_core_there_is_none(monkeypatch):
    monkeypatch.setattr(second_process, "available_cores", lambda: 1)
    with second_process.printer() as printer:
        assert not multiprocessing.active_children()
        printer.begin(PAGE.format("words"), "", DAY)
        assert printer.result().pages == 1


def test_garbage_is_collected_as_before_afterwards():
    before = gc.get_threshold()
    with second_process.seldom_collected():
        assert gc.get_threshold() > before
    assert gc.get_threshold() == before
