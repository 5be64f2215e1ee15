"""Numbers as the report prints them."""

import pytest

from fmnist.report import text

T = text.THIN


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (text.percent(0.92314, 10_000), f"92.31{T}%"),
        (text.percent(0.92314, 500), f"92.3{T}%"),
        (text.percent(1, digits=0), f"100{T}%"),
        (text.interval((0.91772, 0.92818), 10_000), f"91.77–92.82{T}%"),
        (text.points(0.0041), "0.41 percentage points"),
        (text.count(60_000), "60,000"),
        (text.counted(1, "image"), "1 image"),
        (text.counted(2, "class", "classes"), "2 classes"),
        (text.duration(0.84), f"0.8{T}s"),
        (text.duration(59.7), f"1{T}min"),
        (text.duration(492), f"8{T}min 12{T}s"),
        (text.duration(7500), f"2{T}h 05{T}min"),
        (text.value(True), "yes"),
        (text.value(64), "64"),
        (text.value("max"), "max"),
        (text.value(0.00213), "0.00213"),
        (text.value(4.2e-5), "4.2 × 10⁻⁵"),
        (text.value(1e-4), "10⁻⁴"),
        (text.value(0.0), "0"),
        (text.shape((None, 28, 28, 32)), "28 × 28 × 32"),
        (text.listing(["a"]), "a"),
        (text.listing(["a", "b", "c"]), "a, b and c"),
        (text.moment("2026-11-21T05:31:21Z"), "2026-11-21 05:31 UTC"),
        (text.moment("last night"), "last night"),
    ],
)
def test_format(found, expected):
    assert found == expected
