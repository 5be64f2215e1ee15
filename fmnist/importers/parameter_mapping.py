"""Our fields in a stranger's parameters, by name or as the user says."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fmnist.config.config import RULES, Config, ConfigError
from fmnist.errors import UserError
from fmnist.importers.external import ExternalStudy, ExternalTrial, plain, refuse
from fmnist.importers.search_space import cast_to_field, parameter
from fmnist.text import counted, read_text
from search.space import Categorical, Parameter, SearchSpace, Value


@dataclass(frozen=True)
class Wishes:
    """What the user says of the parameters.

    Attributes:
        names: parameter to field, where they differ.
        drop: parameters to leave out.
        settings: values of fields that the study did not search.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    drop: frozenset[str] = frozenset()
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Matched:
    """The study in our words.

    Attributes:
        names: parameter to field, of all that were taken.
        params: of each trial, by its number.
        settings: fields that were not searched, as the user or the study has them.
        notes: what the reader of a report should know.
    """

    names: dict[str, str]
    params: dict[int, dict[str, Value]]
    space: SearchSpace
    settings: dict[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def base(self) -> Config:
        """The configuration around the searched fields."""
        return Config(**self.settings)


def match(study: ExternalStudy, trials: Sequence[ExternalTrial], wishes: Wishes) -> Matched:
    """Find our fields in the parameters of ``trials``, those of ``study``.

    Raises:
        ForeignError: names or values that do not fit; all of them, and what to do.
    """
    used = {name for t in trials for name in t.params}
    order = [*study.axes, *(name for t in trials for name in t.params)]
    seen = [name for name in dict.fromkeys(order) if name in used]
    names = {n: wishes.names.get(n, n) for n in seen if n not in wishes.drop}
    _check_names(study, seen, names, wishes)
    params = _converted(study, trials, names)
    _check_together(study, Config(**wishes.settings), params)
    found = [
        parameter(given, study.axes.get(name, ()), _values(params, given))
        for name, given in names.items()
    ]
    fixed = {p.name: value for p in found if (value := _only_value(p)) is not None}
    if len(fixed) == len(found):
        raise refuse(study.source, ["every parameter has one value only: nothing was searched"])
    return Matched(
        names,
        {n: {k: v for k, v in p.items() if k not in fixed} for n, p in params.items()},
        SearchSpace(tuple(p for p in found if p.name not in fixed)),
        {**wishes.settings, **fixed},
        (*_notes(trials, names), *_narrowed(study, names, found)),
    )


def _only_value(p: Parameter) -> Value | None:
    """The value of a parameter that could have no other."""
    values = p.choices if isinstance(p, Categorical) else {p.low, p.high}
    return next(iter(values)) if len(values) == 1 else None


def _check_names(
    study: ExternalStudy, seen: Sequence[str], names: Mapping[str, str], wishes: Wishes
) -> None:
    problems = [
        f"{option} {plain(name)}: the study has no such parameter ({_listed(seen)})"
        for option, asked in (("--map", wishes.names), ("--drop", wishes.drop))
        for name in asked
        if name not in seen
    ]
    problems += [_unknown(name, given) for name, given in names.items() if given not in RULES]
    for given in dict.fromkeys(names.values()):
        same = [name for name, other in names.items() if other == given]
        if len(same) > 1:
            problems.append(f"{_listed(same)} would all be {given}; leave all but one out (--drop)")
        if given in wishes.settings:
            problems.append(f"--set {given}: the study searched it; give --drop {plain(same[0])}")
    if not names and not problems:
        problems = ["no parameter is left to read in"]
    if problems:
        raise refuse(study.source, [*problems, f"The fields are {', '.join(RULES)}."])


def _unknown(name: str, given: str) -> str:
    shown = plain(name, 60)
    if given != name:
        return f"--map {shown}={plain(given, 60)}: no field of that name"
    other = next((ours for ours, rule in RULES.items() if name.lower() in rule.aliases), None)
    close = difflib.get_close_matches(name[:60].lower(), RULES, n=1, cutoff=0.7)
    guess = other or (close[0] if close else "FIELD")
    return f"parameter {shown!r}: no field; give --map {shown}={guess} or --drop {shown}"


def _listed(names: Iterable[str]) -> str:
    found = [plain(n, 60) for n in names]
    return ", ".join(found[:20]) + (", …" if len(found) > 20 else "")


def _converted(
    study: ExternalStudy, trials: Sequence[ExternalTrial], names: Mapping[str, str]
) -> dict[int, dict[str, Value]]:
    params: dict[int, dict[str, Value]] = {}
    wrong: dict[tuple[str, str], list[str]] = {}
    for trial in trials:
        params[trial.number] = {}
        for name, given in names.items():
            if name not in trial.params:
                continue
            try:
                params[trial.number][given] = cast_to_field(given, trial.params[name])
            except ConfigError:
                wrong.setdefault((name, given), []).append(plain(repr(trial.params[name]), 40))
    if wrong:
        raise refuse(study.source, [_outside(*pair, values) for pair, values in wrong.items()])
    return params


def _outside(name: str, given: str, values: Sequence[str]) -> str:
    shown = list(dict.fromkeys(values))
    more = ", …" if len(shown) > 5 else ""
    was = "" if name == given else f" ({given})"
    return (
        f"parameter {plain(name, 60)!r}{was}: must be {RULES[given].describe()}, found "
        f"{', '.join(shown[:5])}{more} in {counted(len(values), 'trial')}; "
        f"give --drop {plain(name, 60)}, or --map it to another field"
    )


def _check_together(
    study: ExternalStudy, base: Config, params: Mapping[int, Mapping[str, Value]]
) -> None:
    problems: dict[str, int] = {}
    for values in params.values():
        try:
            base.replace(**values)
        except ConfigError as error:
            # One line for all learning rates with which a rule is broken, say.
            text = str(error)
            problems[text if len(problems) < 5 else "and others"] = 1
    if problems:
        raise refuse(
            study.source, [f"{p} (--set FIELD=VALUE sets what the study fixed)" for p in problems]
        )


def _values(params: Mapping[int, Mapping[str, Value]], name: str) -> list[Value]:
    return [values[name] for values in params.values() if name in values]


def _notes(trials: Sequence[ExternalTrial], names: Mapping[str, str]) -> Iterable[str]:
    lacking = {
        name: sum(name not in t.params for t in trials if t.state == "complete") for name in names
    }
    for name, count in lacking.items():
        if count:
            have = "has" if count == 1 else "have"
            trial = counted(count, "complete trial")
            yield f"{trial} {have} no {names[name]}: the study did not ask for it there."


def _narrowed(
    study: ExternalStudy, names: Mapping[str, str], found: Sequence[Parameter]
) -> Iterable[str]:
    """Where our field does not go as far as the study did, or was allowed to."""
    for name, p in zip(names, found, strict=True):
        if isinstance(p, Categorical):
            continue
        axes = study.axes.get(name, ())
        ends = [end for axis in axes for end in (axis.low, axis.high) if end is not None]
        beyond = ends and (min(ends) < p.low or max(ends) >= p.high + getattr(p, "step", 0) + 1e-12)
        if beyond:
            yield (
                f"{plain(name, 60)} could be {min(ends):g} to {max(ends):g} in the study; our "
                f"field is {RULES[p.name].describe()}."
            )


def read_mapping(path: Path | None, texts: Sequence[str]) -> dict[str, str]:
    """Parameter to field, from a TOML file of such lines and from ``NAME=FIELD`` texts.

    Raises:
        UserError: no such file, broken TOML, or a text without ``=``.
    """
    found = _mapping_file(path) if path else {}
    for text in texts:
        name, equals, given = (part.strip() for part in text.rpartition("="))
        if not (name and equals and given):
            raise UserError(f"--map {text}: expected NAME=FIELD, such as --map lr=learning_rate")
        found[name] = given
    return found


def _mapping_file(path: Path) -> dict[str, str]:
    try:
        table = tomllib.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as a mapping: {error}") from None
    wrong = [name for name, given in table.items() if not isinstance(given, str)]
    if wrong:
        raise UserError(
            f'{path}: {wrong[0]}: expected lines such as lr = "learning_rate", one a parameter'
        )
    return dict(table)
