"""A machine of which only the clock is real enough: trainings as events in simulated time.

``Machine`` owns the clocks, ``SimulatedRunner`` runs tasks on it.
"""

import math
import random
from dataclasses import dataclass, field

from simulated_engine import SPACE, quality

from search.records import Epoch, Failure
from search.tasks import Ended, EpochDone

IMAGES, VALIDATION = 54_000, 6_000
# As measured on two cores: each of two trainings at once takes 1.6 times as long as one alone.
SHARING = 0.7
# Seconds after which a study looks at its clock though nothing happened, as the real one does.
POLL = 0.5


class Killed(BaseException):
    """The process that watches the trainings is killed."""


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
        kills: seconds after the start at which the process is killed.
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
    kills: list[float] = field(default_factory=list)
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
        """Let time pass; jumps of the wall clock on the way happen, and so does a kill."""
        killed = bool(self.kills) and self.began + self.kills[0] <= moment
        if killed:
            moment = self.began + self.kills.pop(0)
        while self.began + self.next_jump <= moment:
            seconds, size = self.jumps.pop(0)
            self.now = max(self.now, self.began + seconds)
            self.offset += size
            self.jumped.append((self.now, size, self.left()))
        self.now = max(self.now, moment)
        if killed:
            raise Killed

    @property
    def next_jump(self):
        return self.jumps[0][0] if self.jumps else math.inf

    def left(self):
        """Seconds to the moment at which the time is over by the wall clock."""
        return self.total - (self.wall() - self.began_at)

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
    done: int = 0
    next_end: float = math.inf
    outcome: str = "epoch"


class SimulatedRunner:
    """Runs tasks in simulated time; see ``search.tasks.Runner``.

    Args:
        time_left: of the study: it looks at its clock again when that is over.
        on_step: called with that whenever the study has done what there was to do.
        checkpoints: the epochs behind the checkpoint of each task, which outlive this runner.
    """

    def __init__(
        self,
        machine,
        slots,
        trial_images,
        start_seconds,
        *,
        time_left,
        checkpoints,
        whole_images=IMAGES,
        on_step=lambda time_left: None,
    ):
        self.machine, self.slots, self.images = machine, slots, trial_images
        self.whole_images, self.time_left, self.checkpoints = whole_images, time_left, checkpoints
        self.on_step = on_step
        self.start_seconds, self.cold = start_seconds, slots
        self.trainings, self.events = {}, []

    def start(self, task, limits):
        assert len(self.trainings) < self.slots
        assert task.number not in self.trainings
        assert task.attempt > 1 or self.time_left() > 0, "begun when the time is over"
        done = len(self.checkpoints.setdefault(task.number, []))
        training = _Training(task, limits, self.machine.now, done)
        self.trainings[task.number] = training
        # The first task of a child waits for its imports; each builds and traces its network.
        self._begin_epoch(training, self.start_seconds * (1.0 if self.cold > 0 else 0.2))
        self.cold -= 1

    def wait(self, seconds):
        machine = self.machine
        until = machine.now
        if seconds:
            left = self.time_left()
            self.on_step(left)
            until = min(until + max(0.0, left) + POLL, machine.began + machine.next_jump)
        while not self.events:
            ends = [(self._end(t), n) for n, t in self.trainings.items()]
            moment, number = min(ends, default=(math.inf, 0))
            if moment > until:
                machine.pass_to(until)
                return []
            machine.pass_to(moment)
            self._happen(self.trainings[number])
        events, self.events = self.events, []
        return events

    def answer(self, number, remaining):
        training = self.trainings[number]
        if remaining <= 0:
            training.outcome, training.next_end = "end", self.machine.now + 0.1  # tidies up
            return
        training.heard = self.machine.now
        self._begin_epoch(training, 0.0)

    def cancel(self, number, failure):
        if number in self.trainings:
            self._fail(number, failure)

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
            epoch = self._epoch(training)
            self.checkpoints[number].append(epoch)
            self.events.append(EpochDone(number, epoch))

    def _fail(self, number, failure):
        del self.trainings[number]
        self.cold += 1
        self.events.append(Ended(number, failure))

    def _epoch(self, training):
        value = quality(training.task.params, training.done, self.machine.chance)
        return Epoch(training.done, value, 1 - value, value, 1 - value, round(training.seconds, 3))
