"""A machine of which only the clock is real enough: trainings as events in simulated time.

``Machine`` owns the clocks, ``SimulatedRunner`` runs tasks on it, ``RandomEngine`` suggests them.
"""

import heapq
import math
import random
from dataclasses import dataclass, field

from search.engines.base import Suggestion
from search.records import Epoch, Failure
from search.space import Categorical, Float, Int, SearchSpace
from search.tasks import Ended, EpochDone

SPACE = SearchSpace(
    (
        Int("filters", 16, 64, step=16),
        Int("units", 32, 256, log=True),
        Float("rate", 1e-4, 1e-2, log=True),
        Categorical("batch", (64, 128, 256)),
    )
)
IMAGES, VALIDATION = 54_000, 6_000
# As measured on two cores: each of two trainings at once takes 1.6 times as long as one alone.
SHARING = 0.7


@dataclass
class Machine:
    """Two clocks, the speed of the machine, and what a network costs on it.

    Attributes:
        epoch: seconds of an epoch over all images of a middling network, undisturbed.
        spread: how much the cost depends on the parameters (log scale).
        levels: speeds that an epoch may run at, and how likely each is.
        stay: chance that an epoch runs at the level of the one before.
        creep: how much slower the machine is at the end of the budget.
        sharing: trainings at once slow each other down by their number to this power.
        faults: chance that an epoch ends in a fault.
        jumps: (seconds after the start, seconds) by which the wall clock jumps; a sleep jumps
            ahead.
        jumped: (monotonic time, seconds, seconds left after it) of the jumps that were.
    """

    chance: random.Random
    epoch: float
    total: float
    spread: float = 0.5
    levels: tuple[tuple[float, float], ...] = ((1.0, 1.0),)
    stay: float = 0.7
    creep: float = 0.0
    sharing: float = SHARING
    faults: float = 0.0
    jumps: list[tuple[float, float]] = field(default_factory=list)
    now: float = 1000.0
    offset: float = 1.7e9
    jumped: list[tuple[float, float, float]] = field(default_factory=list)

    def __post_init__(self):
        self.began, self.began_at = self.now, self.wall()
        self.level = self._draw()
        self.weights = {p.name: self.chance.gauss(0, self.spread) for p in SPACE}
        self.weights["filters"] = abs(self.weights["filters"])
        self.bend = self.chance.uniform(-0.3, 0.3)

    def monotonic(self):
        return self.now

    def wall(self):
        return self.now + self.offset

    def pass_to(self, moment):
        """Let time pass; jumps of the wall clock on the way happen."""
        self.now = max(self.now, moment)
        while self.jumps and self.jumps[0][0] <= self.now - self.began:
            moment, size = self.jumps.pop(0)
            self.offset += size
            left = self.total - (self.wall() - self.began_at)
            self.jumped.append((self.began + moment, size, left))

    def spend(self, seconds):
        self.pass_to(self.now + seconds)

    def cost(self, params):
        """How many times the middling network's this one's epochs take."""
        x = {
            "filters": (params["filters"] - 40) / 24,
            "units": math.log(params["units"] / 90) / 1.0,
            "rate": 0.0,
            "batch": (128 - params["batch"]) / 128,
        }
        linear = sum(self.weights[name] * value for name, value in x.items())
        return math.exp(linear + self.bend * x["filters"] * x["units"])

    def epoch_seconds(self, params, images, at_once):
        """Seconds of one epoch that begins now."""
        if self.chance.random() > self.stay:
            self.level = self._draw()
        share = (images + VALIDATION / 3) / (IMAGES + VALIDATION / 3)
        parallel_slowdown = 1 + self.creep * min(1.0, (self.now - self.began) / self.total)
        noise = math.exp(self.chance.gauss(0, 0.05))
        undisturbed = self.epoch * share * self.cost(params) * at_once**self.sharing
        return undisturbed * self.level * parallel_slowdown * noise

    def _draw(self):
        levels, weights = zip(*self.levels, strict=True)
        return self.chance.choices(levels, weights)[0]


@dataclass
class _Training:
    task: object
    limits: object
    heard: float
    remaining: int
    done: int = 0
    next_end: float = math.inf
    outcome: str = "epoch"


class SimulatedRunner:
    """Runs tasks in simulated time; see ``search.tasks.Runner``."""

    def __init__(self, machine, slots, trial_images, start_seconds, whole_images=IMAGES):
        self.machine, self.slots, self.images = machine, slots, trial_images
        self.whole_images = whole_images
        self.start_seconds, self.cold = start_seconds, slots
        self.trainings, self.events = {}, []

    def start(self, task, limits):
        assert len(self.trainings) < self.slots
        assert task.number not in self.trainings
        training = _Training(task, limits, self.machine.now, task.epochs)
        self.trainings[task.number] = training
        # The first task of a child waits for its imports; each builds and traces its network.
        self._begin_epoch(training, self.start_seconds * (1.0 if self.cold > 0 else 0.2))
        self.cold -= 1

    def wait(self, seconds):
        until = self.machine.now + seconds
        while not self.events:
            ends = [(self._end(t), n) for n, t in self.trainings.items()]
            moment, number = min(ends, default=(math.inf, 0))
            if moment > until:
                self.machine.pass_to(until)
                return []
            self.machine.pass_to(moment)
            self._happen(self.trainings[number])
        events, self.events = self.events, []
        return events

    def answer(self, number, remaining):
        training = self.trainings[number]
        if remaining <= 0:
            training.outcome, training.next_end = "end", self.machine.now + 0.1  # tidies up
            return
        training.remaining = remaining
        training.heard = self.machine.now
        self._begin_epoch(training, 0.0)

    def cancel(self, number, failure):
        del self.trainings[number]
        self.cold += 1
        self.events.append(Ended(number, failure))

    def close(self):
        self.trainings.clear()

    def _begin_epoch(self, training, extra):
        machine, task = self.machine, training.task
        images = self.whole_images if task.full_data else self.images
        seconds = machine.epoch_seconds(task.params, images, self.slots)
        training.next_end = machine.now + extra + seconds
        training.seconds = seconds + extra
        training.outcome = "epoch"
        if machine.chance.random() < machine.faults and not task.full_data:
            training.outcome = machine.chance.choice(("hang", "nan", "killed"))

    def _end(self, training):
        """When something happens to it next."""
        limits = training.limits
        end = math.inf if training.outcome == "hang" else training.next_end
        return min(end, training.heard + (limits.progress_timeout or math.inf))

    def _happen(self, training):
        number = training.task.number
        if self.machine.now < training.next_end or training.outcome == "hang":
            self._fail(number, Failure("hang", "silent"))
        elif training.outcome == "end":
            del self.trainings[number]
            self.events.append(Ended(number))
        elif training.outcome in ("killed", "nan"):
            self._fail(number, Failure(training.outcome, "a fault"))
        else:
            training.done += 1
            training.next_end = training.heard = math.inf  # waits for the answer
            self.events.append(EpochDone(number, self._epoch(training)))

    def _fail(self, number, failure):
        del self.trainings[number]
        self.cold += 1
        self.events.append(Ended(number, failure))

    def _epoch(self, training):
        value = quality(training.task.params, training.done, self.machine.chance)
        return Epoch(training.done, value, 1 - value, value, 1 - value, round(training.seconds, 3))


def quality(params, epoch, chance):
    """A validation accuracy: better for larger networks and middling rates, later epochs."""
    fit = 0.02 * params["filters"] / 64 - 0.01 * abs(math.log10(params["rate"]) + 3)
    return 0.9 + fit - 0.1 / (epoch + 1) + chance.gauss(0, 0.003)


class RandomEngine:
    """Suggests at random, half of the time near the best; prunes what is below the median."""

    def __init__(self, chance, allowed=lambda params: True):
        self.chance, self.allowed = chance, allowed
        self.asked, self.told, self.steps, self.queue = {}, {}, {}, []
        self.stopped = set()

    def ask(self):
        drawn = (self._params() for _ in range(100))
        found = next((p for p in drawn if self.allowed(p)), None) or self._params()
        params = heapq.heappop(self.queue)[1] if self.queue else found
        suggestion = Suggestion(len(self.told) + len(self.asked), params)
        self.asked[suggestion.number] = suggestion
        return suggestion

    def report(self, number, step, value):
        earlier = self.steps.setdefault(step, [])
        earlier.append(value)
        go_on = len(earlier) < 5 or value >= sorted(earlier)[len(earlier) // 2]
        if not go_on:
            self.stopped.add(number)
        return go_on

    def tell(self, number, state, value):
        suggestion = self.asked.pop(number)
        self.told[number] = (value or 0.0, suggestion.params) if state == "complete" else (0.0, {})

    def enqueue(self, params, *, again=False):
        heapq.heappush(self.queue, (len(self.queue), params))

    def running(self):
        return ()

    def close(self):
        pass

    def _params(self):
        params = {
            "filters": self.chance.choice((16, 32, 48, 64)),
            "units": round(math.exp(self.chance.uniform(math.log(32), math.log(256)))),
            "rate": math.exp(self.chance.uniform(math.log(1e-4), math.log(1e-2))),
            "batch": self.chance.choice((64, 128, 256)),
        }
        _, best = max(self.told.values(), key=lambda t: t[0], default=(0.0, {}))
        if best and self.chance.random() < 0.5:
            kept = self.chance.sample(sorted(best), 2)
            params.update({name: best[name] for name in kept})
        return params
