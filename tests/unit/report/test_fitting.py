"""The limits of a hand-in: what is moved out, and what is said where that is not enough."""

from dataclasses import dataclass, replace

import pytest

from fmnist.report.handin.fitting import (
    APPENDIX,
    INLINE,
    NONE,
    PICTURES,
    SIZES,
    TEXTS,
    LimitError,
    Limits,
    count_words,
    fit,
)
from fmnist.runs.records.run import Document

EVERY = [*PICTURES, *TEXTS]
NAMES = {**PICTURES, **TEXTS}


@dataclass
class Sheets:
    pages: int
    even: bool = True
    size: float = SIZES[-1]


def fitted(limits, pages_of, words_of=lambda moved: 100, present=EVERY):
    """Fit a document whose pages and words these functions of what is moved out give."""

    def render(moved):
        return f"<main>{' word' * words_of(moved)}</main><nav>{','.join(moved)}</nav>"

    def lay_out(html, size):
        keys = html.partition("<nav>")[2].removesuffix("</nav>").split(",")
        return Sheets(pages_of([k for k in keys if k]))

    return fit(render, lay_out, limits, present)


@pytest.mark.parametrize("needed", range(len(PICTURES) + 1))
def test_no_more_is_moved_out_than_has_to_be_in_the_stated_order(needed):
    found = fitted(Limits(4, None, INLINE, False), lambda moved: 4 + (len(moved) < needed))
    assert found.moved == tuple(list(PICTURES.values())[:needed])
    assert (found.pages, found.excess) == (4, "")


@pytest.mark.parametrize(
    ("sheets", "chosen"),
    [
        ([Sheets(4), Sheets(4)], SIZES[0]),
        ([Sheets(5), Sheets(4), Sheets(3)], SIZES[1]),
        ([Sheets(4, even=False), Sheets(4), Sheets(4)], SIZES[1]),
        ([Sheets(4, even=False)] * len(SIZES), SIZES[-1]),
    ],
)
def test_the_largest_type_is_taken_with_which_the_pages_are_filled(sheets, chosen):
    def lay_out(html, size):
        return replace(sheets[SIZES.index(size)], size=size)

    found = fit(lambda moved: "", lay_out, Limits(4, None, INLINE, False), EVERY)
    assert (found.sheets.size, found.moved) == (chosen, ())


def test_what_is_left_fills_its_pages_when_parts_were_moved_out():
    def lay_out(html, size):
        return Sheets(4 if html else 5, even=size == SIZES[1], size=size)

    found = fit(",".join, lay_out, Limits(4, None, INLINE, False), EVERY)
    assert (found.sheets.size, found.moved) == (SIZES[1], (PICTURES["cam"],))


def test_parts_that_a_run_does_not_have_are_not_named():
    found = fitted(
        Limits(4, None, INLINE, False),
        lambda moved: 6 - len(moved),
        present=["matrix", "cam", "tiles"],
    )
    assert found.moved == (PICTURES["cam"], PICTURES["tiles"])


def test_a_limit_that_nothing_keeps_is_told():
    found = fitted(Limits(2, 50, INLINE, False), lambda moved: 3)
    assert set(found.moved) == set(NAMES.values())
    assert found.excess == "3 pages instead of 2 and 100 words instead of 50"


def test_words_move_texts_and_no_pictures():
    found = fitted(
        Limits(4, 90, INLINE, False), lambda moved: 4, lambda moved: 100 - 60 * ("answers" in moved)
    )
    assert found.moved == (TEXTS["answers"],)
    assert found.words == 40


def test_a_cover_is_no_page_of_these():
    assert fitted(Limits(4, None, INLINE, True), lambda moved: 5).pages == 4


def test_questions_that_were_asked_for_in_the_appendix_are_not_moved_for_want_of_room():
    seen = []
    found = fitted(Limits(4, None, APPENDIX, False), lambda moved: seen.append(moved) or 4)
    assert (found.moved, seen) == ((), [["answers"]])


def test_without_pages_words_are_counted_all_the_same():
    found = fit(
        lambda moved: "<p>four words are here</p>", None, Limits(4, None, INLINE, False), []
    )
    assert (found.sheets, found.pages, found.words) == (None, None, 4)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, (6, INLINE)),
        ({"max_pages": 4}, (4, APPENDIX)),
        ({"max_pages": 8}, (8, INLINE)),
        ({"max_pages": 4, "questions": INLINE}, (4, INLINE)),
        ({"questions": APPENDIX}, (4, APPENDIX)),
        ({"questions": NONE}, (4, NONE)),
    ],
)
def test_what_is_left_open_follows_from_what_is_asked(asked, expected):
    found = Limits.of(Document(**asked))
    assert (found.pages, found.questions) == expected


def test_an_unknown_place_is_refused():
    with pytest.raises(LimitError, match="one of inline, appendix, none, found 'everywhere'"):
        Limits.of(Document(questions="everywhere"))


def test_running_text_is_counted_alone():
    html = (
        "<head><title>no</title></head><header><h1>Not this</h1></header>"
        "<h2><span>1</span> Results</h2><p>It reaches <b>92.45&#8239;%</b> – so.</p>"
        "<figure><figcaption>Not <b>these</b> words</figcaption></figure>"
        "<table><tr><td>nor</td></tr></table><ol class='sources'><li>A <i>book</i></li></ol>"
        "<ol><li>but this</li></ol>"
    )
    assert count_words(html) == len(["1", "Results", "It", "reaches", "92.45", "so", "but", "this"])
