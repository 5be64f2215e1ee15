"""The experiments without a training: what is tried, how large, how sure, what is recorded."""

import json

import numpy as np
import pytest
from scipy import stats

from fmnist.ablation import results as record
from fmnist.ablation import sizing
from fmnist.ablation.results import ROUND, Trained, conclude, place_of
from fmnist.ablation.sizing import Costs, Fidelity, Prices
from fmnist.ablation.variants import FACTORS, KEYS, catalogue, equal_units
from fmnist.analysis import paired_effects
from fmnist.analysis.intervals import holm, holm_levels, mcnemar, newcombe
from fmnist.analysis.paired_effects import ScoredAnswers, effect, unpaired
from fmnist.config.config import Config
from fmnist.models.builder import build_model
from fmnist.models.size import size_of
from fmnist.pipeline.planner.profiles import LONG, SHORT
from fmnist.runs.codec import to_plain
from fmnist.runs.config_source import load_config
from search.engines.base import Suggestion
from search.records import Epoch, Failure, Trial

DENSE = Config(stages=0)
BARE = Config(
    batch_norm=False, dropout=0.0, flip=False, shift=0, l2=1e-3, convolutions=4, width=6.0,
    normalisation="raw", pooling="average",
)  # fmt: skip
CONFIGS = {
    "default": Config(),
    "short": Config(**SHORT),
    "long": Config(**LONG),
    "dense": DENSE,
    "no hidden layer": Config(stages=0, dense_units=0),
    "bare": BARE,
    "larger images": Config(image_size=40, stages=2, head="average", label_smoothing=0.1),
    "everything": Config(rotation=5.0, erasing=0.5, weight_decay=0.01, optimizer="sgd", l2=1e-5),
}


def by_key(config, **options):
    return {e.key: e for e in catalogue(config, **options)}


# ---- the catalogue ----------------------------------------------------------------------------


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_experiment_is_a_configuration_that_differs_or_says_why_not(config):
    found = catalogue(config)
    assert {e.key for e in found} <= set(KEYS)
    assert len({e.key for e in found}) == len(found) == 21
    for e in found:
        if e.reason:
            assert not e.changes, e.key
            continue
        assert config.replace(**e.changes) != config or e.epochs > 1 or e.images > 1, e.key
        assert "epochs" not in e.changes
        assert e.title
        assert e.compares


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_most_telling_come_first(config):
    found = catalogue(config)
    telling = [e.telling for e in found]
    assert telling == sorted(telling, reverse=True)
    assert [e.key for e in found if e.telling][-3:] == ["dropout", "augmentation", "batch_norm"]


def test_both_other_pixel_ranges_are_tried():
    for kind in ("raw", "unit", "signed"):
        found = catalogue(Config(normalisation=kind))
        tried = {e.changes["normalisation"] for e in found if e.question == "normalisation"}
        assert tried == {"raw", "unit", "signed"} - {kind}


@pytest.mark.parametrize(
    ("config", "key", "reason"),
    [
        (DENSE, "dense", "the network of this run is a dense one"),
        (DENSE, "pooling", "the network of this run is a dense one"),
        (DENSE, "pooling_other", "the network of this run is a dense one"),
        (DENSE, "kernel_5", "the network of this run is a dense one"),
        (DENSE, "shallower", "the network of this run is a dense one"),
        (Config(stages=1), "shallower", "there is one stage only"),
        (Config(filters_1=8), "narrower", "numbers of filters are multiples of 8"),
        (CONFIGS["no hidden layer"], "narrower", "the network has no hidden layer"),
        (Config(learning_rate=2.0), "optimizer_rate", "a learning rate of 20 is not allowed"),
        (DENSE, "deeper", "the network of this run is a dense one"),
        (DENSE, "batch_norm", "a dense network has no batch normalisation here"),
        (CONFIGS["no hidden layer"], "wider", "the network has no hidden layer"),
        (BARE, "dropout", "dropout is already 0"),
        (BARE, "label_smoothing", "label smoothing is already 0"),
        (BARE, "deeper", "a stage has 4 convolutions already"),
        (BARE, "wider", "width cannot be 9: it may be 0.125 to 8"),
        (Config(), "default", "the configuration is the default one"),
    ],
)
def test_what_cannot_be_made_says_why(config, key, reason):
    assert by_key(config)[key].reason == reason


def test_with_all_images_there_are_no_more():
    assert by_key(Config())["more_images"].reason == ""
    assert "all training images" in by_key(Config(), all_images=True)["more_images"].reason


def test_what_is_on_is_switched_off_and_what_is_off_is_tried():
    on, off = by_key(CONFIGS["everything"]), by_key(BARE)
    assert on["augmentation"].changes == {
        "flip": False,
        "shift": 0,
        "rotation": 0.0,
        "erasing": 0.0,
    }
    assert on["weight_decay"].changes == {"l2": 0.0, "weight_decay": 0.0}
    assert on["weight_decay"].title == "without L2 penalty and weight decay"
    assert off["augmentation"].changes == {"flip": True, "shift": 2}
    assert off["batch_norm"].changes == {"batch_norm": True}
    assert off["weight_decay"].changes == {"l2": 0.0}
    assert off["pooling"].changes == {"pooling": "max"}
    assert by_key(Config())["weight_decay"].changes == {"l2": 1e-4}


def test_markers_factors_are_neighbours_in_one_field():
    own = Config(kernel_size=5, pooling="strided", weight_decay=0.1, optimizer="adamw")
    found, other = by_key(own), by_key(Config(optimizer="sgd", weight_decay=0.1))
    changes = {key: found[key].changes for keys in FACTORS.values() for key in keys if key in found}
    assert changes == {
        "kernel_3": {"kernel_size": 3}, "kernel_7": {"kernel_size": 7},
        "deeper": {"convolutions": 2}, "shallower": {"stages": 2},
        "wider": {"width": 1.5}, "narrower": {"width": 0.5},
        "optimizer": {"optimizer": "sgd"},
        "optimizer_rate": {"optimizer": "sgd", "learning_rate": 0.02},
        "pooling": {"pooling": "max"}, "pooling_other": {"pooling": "average"},
        "normalisation_raw": {"normalisation": "raw"},
        "normalisation_signed": {"normalisation": "signed"},
    }  # fmt: skip
    assert own.replace(**found["narrower"].changes).filters == (16, 32, 64)
    assert found["narrower"].title == "fewer filters (16, 32, 64)"
    assert other["optimizer"].changes == {"optimizer": "adamw"}
    assert other["optimizer_rate"].changes["learning_rate"] == pytest.approx(0.0002)


def test_numbers_of_trainings_are_those_of_older_runs():
    assert [place_of(key) for key in ("dense", "augmentation", "more_images")] == [1, 7, 15]
    assert len(set(KEYS)) == len(KEYS) < ROUND


def test_the_default_is_the_default_but_for_the_epochs():
    changes = by_key(BARE.replace(epochs=3))["default"].changes
    assert BARE.replace(**changes) == Config()


@pytest.mark.parametrize("name", ["default", "short", "larger images"])
def test_the_dense_network_has_as_many_parameters_as_built(name):
    config = CONFIGS[name]
    changes = by_key(config)["dense"].changes
    built = [build_model(c).count_params() for c in (config, config.replace(**changes))]
    one_more = size_of(DENSE.replace(dense_units=2)).parameters
    one_more -= size_of(DENSE.replace(dense_units=1)).parameters
    scale = (config.image_size / 28) ** 2
    assert 0 <= built[0] - built[1] <= scale * one_more + 1  # a cap holds for both
    assert built == [size_of(c).parameters for c in (config, config.replace(**changes))]


def test_a_network_beyond_the_range_gets_the_largest_dense_one():
    assert equal_units(BARE) == 4096
    assert equal_units(Config(stages=1, filters_1=1, dense_units=0, head="average")) == 1


# ---- how large --------------------------------------------------------------------------------

PRICES = Prices(Config(**SHORT), unit=0.0006, jobs=2)
ALL = [e for e in catalogue(Config(**SHORT)) if not e.reason]


@pytest.mark.parametrize("seconds", [25, 60, 200, 400, 1000, 3000, 20_000])
def test_what_is_chosen_fits_or_is_the_least(seconds):
    size = sizing.chosen(ALL, PRICES, seconds, 54_000, 6_000)
    telling = [e for e in ALL if e.telling]
    least = (size.images, size.epochs, size.seeds) == (3_000, 2, 1)
    assert least or PRICES.total(telling, size) <= seconds


def test_more_time_means_larger_trainings_and_more_seeds():
    sizes = [sizing.chosen(ALL, PRICES, s, 54_000, 6_000) for s in (40, 400, 2_900, 30_000)]
    assert [s.effort for s in sizes] == sorted(s.effort for s in sizes)
    assert [s.seeds for s in sizes] == [1, 3, 5, 5]


def test_what_courses_ask_for_comes_before_the_rest():
    """Where all do not fit at a decent size, those with a name are sized for, then the telling."""
    found = {}
    for most in range(3):
        part = [e for e in ALL if e.priority <= most]
        found[most] = PRICES.total(part, Fidelity(6_000, 6_000, 3, 3))
    assert found[0] < found[1] < found[2]
    between = sizing.chosen(ALL, PRICES, (found[1] + found[2]) / 2, 54_000, 6_000)
    assert (between.images, between.epochs, between.seeds) == (6_000, 3, 3)
    less = sizing.chosen(ALL, PRICES, 0.99 * found[1], 54_000, 6_000)
    assert less.images * less.epochs * less.seeds > between.effort * between.seeds


def test_ends_add_up_and_share_the_processes():
    costs = Costs(PRICES, 3_000)
    tasks = [Suggestion(n, {"images": 3_000}, epochs=2) for n in range(4)]
    ends = costs.ends(tasks)
    one = costs.upper_estimate({"images": 3_000}, 2) / PRICES.jobs
    assert np.diff(ends) == pytest.approx([one] * 3)
    assert ends[0] > one


def test_where_not_two_trainings_fit_nothing_is_begun():
    assert sizing.chosen(ALL, PRICES, 8.0, 54_000, 6_000) is None
    assert sizing.chosen(ALL, PRICES, -30.0, 54_000, 6_000) is None


def test_no_more_images_than_there_are():
    size = sizing.chosen(ALL, PRICES, 1e6, 1_700, 300)
    assert (size.images, size.validation) == (1_700, 300)


def test_a_session_with_time_adds_seeds():
    size = Fidelity(3_000, 3_000, 2, 1)
    assert sizing.extended(size, ALL, PRICES, 1e6).seeds == 10
    assert sizing.extended(size, ALL, PRICES, 1.0) == size


def test_costs_are_corrected_by_what_trainings_took():
    costs = Costs(PRICES, 3_000)
    params = {"images": 3_000}
    before = costs.upper_estimate(params, 2)
    assert costs.upper_estimate(params, 4) > before > 0
    assert costs.upper_estimate({"images": 6_000}, 2) > before
    assert costs.upper_estimate({"images": 3_000, "width": 2.0}, 2) > before
    assert costs.upper_estimate({"images": 3_000, "stages": 0}, 2) < before
    costs.learn(params, 2, 3 * PRICES.training({}, 3_000, 3_000, 2))
    assert costs.upper_estimate(params, 2) == pytest.approx(3 * before)
    assert costs.upper_estimate(None, 2) == 0.0


# ---- how sure ---------------------------------------------------------------------------------


def scores(*rights):
    return [ScoredAnswers(float(np.mean(r)), len(r), np.asarray(r, dtype=bool)) for r in rights]


def test_from_three_seeds_on_it_is_a_paired_t_test():
    base, variant = [0.90, 0.91, 0.895], [0.88, 0.896, 0.886]
    found = effect(
        [
            (ScoredAnswers(b, 1000), ScoredAnswers(v, 1000))
            for b, v in zip(base, variant, strict=True)
        ]
    )
    expected = stats.ttest_rel(variant, base)
    low, high = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval == pytest.approx((low, high))
    assert found.difference == pytest.approx(np.mean(variant) - np.mean(base))
    assert found.method == paired_effects.SEEDS


def test_one_seed_is_a_mcnemar_test_on_the_images():
    rng = np.random.default_rng(0)
    before, after = rng.random(500) < 0.85, rng.random(500) < 0.8
    (base,), (variant,) = scores(before), scores(after)
    found = effect([(base, variant)])
    b, c = int((after & ~before).sum()), int((before & ~after).sum())
    assert found.p == pytest.approx(stats.binomtest(b, b + c).pvalue)
    assert found.difference == pytest.approx(after.mean() - before.mean())
    direct = mcnemar(np.ones(500, int), after.astype(int), before.astype(int))
    assert found.interval == direct.interval
    assert found.method == paired_effects.ONE_SEED


def test_with_answers_seeds_and_images_both_count():
    rng = np.random.default_rng(1)
    befores, afters = (rng.random((3, 400)) < share for share in (0.85, 0.8))
    found = effect(list(zip(scores(*befores), scores(*afters), strict=True)))
    gains = afters.astype(float) - befores
    images_alone = gains.mean(axis=0).std(ddof=1) / np.sqrt(400)
    middle, error, freedom = paired_effects.two_way(gains)
    assert error >= images_alone
    assert freedom < 3 * 400
    assert found.difference == middle == pytest.approx(gains.mean())
    assert found.p == pytest.approx(2 * stats.t.sf(abs(middle) / error, freedom))
    assert found.interval == pytest.approx(stats.t.interval(0.95, freedom, middle, error))
    assert found.method == paired_effects.TWO_WAY


def test_a_seed_that_turns_all_images_is_not_taken_for_many_images():
    """One training 30 points apart from the others: over the images alone that would be sure."""
    rng = np.random.default_rng(2)
    base = rng.random((3, 2000)) < 0.9
    variant = rng.random((3, 2000)) < np.array([[0.6], [0.9], [0.9]])
    pairs = list(zip(scores(*base), scores(*variant), strict=True))
    assert effect(pairs).p > 0.2
    gains = (variant.astype(float) - base).mean(axis=0)
    assert stats.ttest_1samp(gains, 0).pvalue < 1e-10


def simulated(rng, spread, gain=0.0, seeds=3, images=1000):
    """The record of a table of experiments whose trainings and images differ by chance alone.

    Args:
        spread: standard deviation of a training's ability; 0.03 is half a point of accuracy.
        gain: ability of the dense network above that of all others.
    """
    wanted = [e for e in catalogue(CONFIG) if not e.reason]
    hard, trials, found = rng.normal(1.3, 1.0, images), {}, {}
    for key in (None, *(e.key for e in wanted)):
        for seed in range(seeds):
            ability = rng.normal(gain * (key == "dense"), spread)
            right = rng.normal(0.0, 1.0, images) < hard + ability
            number = seed * ROUND + (place_of(key) if key else 0)
            trials[number] = trial(number, float(right.mean()))
            (found[number],) = scores(right)
    size = Fidelity(1_000, images, 2, seeds)
    return conclude(CONFIG, size, wanted, Trained(trials, found)).experiments


@pytest.mark.parametrize("spread", [0.03, 0.08, 0.3])
def test_equal_variants_are_told_apart_in_at_most_one_table_of_twenty(spread):
    """From trainings that differ as usual to such as differ ten times as much."""
    rng = np.random.default_rng(3)
    tables = [simulated(rng, spread) for _ in range(40)]
    assert {len(table) for table in tables} == {20}
    told = sum(any(e.verdict != "not decided" for e in table) for table in tables)
    assert told <= 2
    # Where trainings differ much, each comparison alone would tell something in many tables.
    assert spread < 0.3 or sum(any(e.p < 0.05 for e in table) for table in tables) > 8


def test_a_variant_that_differs_is_told_apart_from_equal_ones():
    rng = np.random.default_rng(4)
    for _ in range(8):
        found = {e.key: e.verdict for e in simulated(rng, 0.03, -0.6, seeds=5)}
        assert found.pop("dense") == "worse"
        assert set(found.values()) == {"not decided"}


def test_without_answers_it_is_newcombes_interval_and_fishers_test():
    found = effect([(ScoredAnswers(0.8, 80), ScoredAnswers(0.7, 70))])
    assert found.method == paired_effects.UNPAIRED
    assert found.p == pytest.approx(stats.fisher_exact([[49, 21], [64, 16]])[1])
    alone = unpaired([ScoredAnswers(0.8, 80)], [ScoredAnswers(0.7, 70)])
    assert (found.p, found.interval) == (alone.p, alone.interval)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # Newcombe, Statistics in Medicine 1998, 17: 873, table II, method 10.
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((10, 10, 0, 10), (0.6075, 1.0000)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
    ],
)
def test_newcombes_interval_is_that_of_his_paper(counts, expected):
    assert newcombe(*counts) == pytest.approx(expected, abs=6e-5)


def test_equal_seeds_are_no_certainty():
    (base,) = scores([True] * 90 + [False] * 10)
    found = effect([(base, base)] * 3)
    assert (found.difference, found.p) == (0.0, 1.0)
    assert found.interval[0] < 0 < found.interval[1]
    same = [(ScoredAnswers(0.9, 100), ScoredAnswers(0.8, 100))] * 3
    assert effect(same).method == paired_effects.UNPAIRED


# ---- the record -------------------------------------------------------------------------------

SIZE = Fidelity(1_000, 300, 2, 3)
CONFIG = Config(**SHORT)


def trial(number, value=0.8, failure=None, images=1_000):
    epochs = (Epoch(1, 0.5, 1.0, 0.99, 1.0, 1.0), Epoch(2, 0.5, 1.0, value, 1.0, 1.0))
    state = "failed" if failure else "complete"
    return Trial(
        number, state, {"images": images}, None if failure else 0.99, () if failure else epochs,
        number // ROUND, "2026-11-21T10:00:00+00:00", 2.5, failure,
    )  # fmt: skip


def trained(values, failures=()):
    """Trainings by key (``base`` for it) with a value for each seed."""
    trials, results = {}, {}
    for key, each in values.items():
        for seed, value in enumerate(each):
            number = seed * ROUND + (place_of(key) if key != "base" else 0)
            trials[number] = trial(number, value)
            results[number] = ScoredAnswers(value, 300)
    for key, failure in failures:
        number = place_of(key) if key != "base" else 0
        trials[number] = trial(number, failure=failure)
    return Trained(trials, results)


def concluded(values, failures=(), **options):
    found = conclude(CONFIG, SIZE, catalogue(CONFIG), trained(values, failures), **options)
    return json.loads(json.dumps(to_plain(found), allow_nan=False))


BASE = (0.80, 0.81, 0.79)
WITHOUT_DROPOUT = "dropout is already 0"


def test_the_record_has_all_that_was_measured_and_why_the_rest_was_not():
    found = concluded({"base": BASE, "dense": (0.70, 0.71, 0.695), "pooling": (0.80, 0.82, 0.785)})
    dense, pooling = found["experiments"]
    assert (dense["key"], dense["verdict"]) == ("dense", "worse")
    assert dense["difference"] == pytest.approx(-0.0983, abs=1e-4)
    assert (dense["seeds"], dense["validation"], dense["epochs"]) == (3, 300, 2)
    assert [s["accuracy"] for s in dense["scores"]] == [0.70, 0.71, 0.695]
    assert pooling["verdict"] == "not decided"
    assert found["base"]["parameters"] == size_of(CONFIG).parameters
    assert abs(dense["parameters"] - found["base"]["parameters"]) < 400
    assert found["fidelity"] == {"images": 1000, "validation": 300, "epochs": 2, "seeds": 3}
    assert {s["key"] for s in found["skipped"]} == {e.key for e in catalogue(CONFIG)} - {
        "dense", "pooling",
    }  # fmt: skip
    assert {s["reason"] for s in found["skipped"]} == {"there was no time", WITHOUT_DROPOUT}


def test_p_values_are_corrected_for_their_number():
    values = {"dense": (0.79, 0.803, 0.775), "pooling": (0.8, 0.82, 0.79), "batch_norm": BASE[::-1]}
    found = concluded({"base": BASE, **values})["experiments"]
    assert max(e["p_holm"] / e["p"] for e in found) == pytest.approx(3)
    assert all(e["p_holm"] >= e["p"] for e in found)


def test_only_seeds_that_both_have_are_compared():
    found = concluded({"base": BASE, "dense": (0.70,)})
    (dense,) = found["experiments"]
    assert (dense["seeds"], dense["base_accuracy"]) == (1, 0.80)


def test_failures_are_told():
    failures = [("dense", Failure("nan", "the loss became nan in epoch 1"))]
    found = concluded({"base": BASE}, failures, not_asked=["wider"])
    reasons = {s["key"]: s["reason"] for s in found["skipped"]}
    assert reasons["dense"] == "its training failed (nan: the loss became nan in epoch 1)"
    assert reasons["wider"] == "not asked for"
    assert reasons["pooling"] == "there was no time"
    assert found["experiments"] == []


def test_without_a_base_nothing_is_compared():
    failures = [("base", Failure("memory", "too large"))]
    found = concluded({"dense": BASE}, failures)
    assert (found["base"], found["fidelity"], found["experiments"]) == (None, None, [])
    assert {s["reason"] for s in found["skipped"]} == {
        "the training of the base failed (memory: too large)", WITHOUT_DROPOUT,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("difference", "p", "seeds", "verdict"),
    [
        (0.1, 0.01, 3, "better"),
        (-0.1, 0.01, 3, "worse"),
        (0.1, 0.05, 3, "not decided"),
        (-0.1, 1e-9, 2, "not decided"),
        (0.1, 1e-9, 1, "not decided"),
    ],
)
def test_a_verdict_needs_a_small_p_and_three_seeds(difference, p, seeds, verdict):
    assert record.verdict(difference, p, seeds) == verdict


@pytest.mark.parametrize("p_values", [(0.001, 0.02, 0.03), (0.01, 0.04, 0.2), (0.2, 0.01), (1.0,)])
def test_corrected_intervals_leave_out_zero_exactly_where_holm_decides(p_values):
    """Of a difference of standard error 1 and no end of freedom."""
    for p, corrected, level in zip(p_values, holm(p_values), holm_levels(p_values), strict=True):
        difference = stats.norm.isf(p / 2)
        low = difference - stats.norm.isf((1 - level) / 2)
        assert (low > 0) == (corrected < 0.05)


def test_the_configuration_of_the_tests_has_its_experiments(sample):
    found = by_key(load_config(sample.parent / "small_config.toml"))
    assert found["dropout"].reason
    assert found["dense"].changes["stages"] == 0


def test_few_images_are_seen_more_often():
    wanted = [e for e in catalogue(CONFIG) if not e.reason]
    prices = sizing.Prices(CONFIG, unit=1e-6)
    many = sizing.chosen(wanted, prices, 1e6, train=54_000, validation=6000)
    few = sizing.chosen(wanted, prices, 1e6, train=1150, validation=288)
    assert (few.images, few.epochs) == (1150, 4 * many.epochs)
    usual = sizing.modest(10_000, 12, 54_000, 6000, every=False)
    small = sizing.modest(1150, 12, 1150, 288, every=False)
    assert (usual.epochs, small.epochs) == (3, 12)


def test_without_mirrors_none_are_tried():
    plain = Config(flip=False, shift=0, test_time_flip=False)
    for mirrors, changed in ((True, {"flip", "shift"}), (False, {"shift"})):
        found = {e.key: e for e in catalogue(plain, mirrors=mirrors)}
        assert set(found["augmentation"].changes) == changed
        assert ("mirror images" in found["augmentation"].title) == mirrors
        assert ("flip" in found["default"].changes) == mirrors
