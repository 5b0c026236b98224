"""A check-up of any Optuna study, which it only reads: `examine(study)`, or `python -m helpers.checkup URL STUDY`.

The program's exit code: 0, nothing is found (or advice alone); 1, something is; 2, bad input. What each finding asks
for, and the notebook that teaches it, stand in checkup.json.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from html import escape
from pathlib import Path
from textwrap import fill
from typing import NamedTuple

import numpy as np
import optuna
from optuna import Study
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from scipy.stats import chi2, ks_2samp, mannwhitneyu

from helpers.errors import BadInput
from helpers.fleet.storage import StorageLost, open_storage

DO = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))  # {kind: (notebook, what to do)}
HEAD = "".join(f'<th scope="col">{title}</th>' for title in ("found", "evidence", "what to do", "notebook"))
FEW = 10  # trials a hyperparameter (Loeppky, Sacks and Welch 2009)
EDGE, CHANCE, DUMMY = 0.05, 1e-4, 0.2  # a share of a range; p-values: hardly by chance, and perhaps by chance


class Finding(NamedTuple):
    """`cost` is the share, 0 to 1, of the trials or of the hyperparameters that it wastes or puts in doubt."""

    kind: str
    cost: float
    evidence: str


class CheckUp(list[Finding]):
    """Findings by falling cost, advice last; a table in a notebook, text elsewhere."""

    def __init__(self, name: str, trials: int, found: Iterable[Finding]) -> None:
        super().__init__(sorted(found, key=lambda one: (one.kind.startswith("advice"), -one.cost)))
        self.rows = [(kind, evidence, DO[kind][1], DO[kind][0]) for kind, _, evidence in self]
        self.title = f"Check-up of {name!r}, {trials} trials: {len(self) or 'nothing'} found"

    def __repr__(self) -> str:
        lines = (f"{kind}: {said}. {do} (notebook {number})" for kind, said, do, number in self.rows)
        return "\n".join([self.title, *(fill(f"{n}. {line}", 100) for n, line in enumerate(lines, start=1))])

    def _repr_html_(self) -> str:
        rows = ["".join(f'<td style="text-align:left">{escape(text)}</td>' for text in row) for row in self.rows]
        return f"<table><caption>{escape(self.title)}</caption><tr>{'</tr><tr>'.join([HEAD, *rows])}</tr></table>"


def examine(study: Study) -> CheckUp:
    """What is wrong with a study, whoever made it. With several objectives values are not compared."""
    s, checks = Facts(study), (_states, _reports, _repeats, _ranges, _values, _fit)
    return CheckUp(study.study_name, len(s.all), (found for check in checks for found in check(s)))


class Facts:
    """What the checks read. `loss` (lower is better) is of the `finite` trials, and empty for several objectives."""

    def __init__(self, study: Study) -> None:
        self.study, self.all = study, study.get_trials(deepcopy=False)
        self.states = {state: [trial for trial in self.all if trial.state == state] for state in TrialState}
        self.done, self.pruned = self.states[TrialState.COMPLETE], self.states[TrialState.PRUNED]
        self.finite = [trial for trial in self.done if np.isfinite(trial.values).all()]
        self.sign = -1 if study.directions[0] == optuna.study.StudyDirection.MAXIMIZE else 1
        self.loss = np.array([self.sign * trial.values[0] for trial in self.finite if len(trial.values) == 1])
        self.knobs = {name: d for trial in self.all for name, d in trial.distributions.items() if not d.single()}
        self.partly = [name for name in self.knobs if any(name not in t.params for t in self.done + self.pruned)]
        self.keys = [repr(sorted(trial.params.items())) for trial in self.all]
        self.repeats = defaultdict(list)  # {hyperparameters: [(loss, number of the trial)]}
        for trial, loss in zip(self.finite, self.loss, strict=False):
            self.repeats[self.keys[trial.number]].append((float(loss), trial.number))


def _states(s: Facts) -> Iterator[Finding]:
    """What became of the trials."""
    failed, running, whole = s.states[TrialState.FAIL], s.states[TrialState.RUNNING], len(s.all)
    if not s.done:
        counts = [f"{len(trials)} {state.name}" for state, trials in s.states.items() if trials]
        kind = "nothing complete" if s.pruned or failed else "nothing ended" if whole else "no trials"
        yield Finding(kind, 1, ", ".join(counts) or "0 trials")
    if len(failed) > whole / 20:
        kept = [(name.lower(), text) for trial in failed for name, text in trial.user_attrs.items()]
        said = [text[:80] for name, text in kept if ("err" in name or "exc" in name) and isinstance(text, str)]
        reason = f"most often {Counter(said).most_common(1)[0][0]!r}" if said else "no reason kept (an error, or NaN)"
        yield Finding("failed trials", len(failed) / whole, f"{len(failed)} of {whole}, {reason}")
    took = max((t.duration for t in s.done + s.pruned if t.duration), default=timedelta(hours=2.4))
    ages = [datetime.now() - trial.datetime_start for trial in running if trial.datetime_start]
    if dead := [age for age in ages if age > max(10 * took, timedelta(minutes=1))]:
        yield Finding("dead trials", len(dead) / whole, f"{len(dead)} RUNNING, up to {max(dead)}; others took {took}")
    if strange := len(s.done) - len(s.finite):
        yield Finding("values without a number", strange / whole, f"{strange} of {len(s.done)} values are infinite")
    broken = [max(trial.constraints.values()) for trial in s.done if trial.constraints]
    if broken and min(broken) > 0:
        yield Finding("nothing feasible", 1, f"0 of {len(broken)} trials; the nearest is {min(broken):.3g} above 0")


def _reports(s: Facts) -> Iterator[Finding]:
    """What the pruner did."""
    whole, cut = [t for t in s.done if t.intermediate_values], [t for t in s.pruned if t.intermediate_values]
    if len(whole) >= 20 and not s.pruned and not isinstance(s.study.pruner, optuna.pruners.NopPruner):
        yield Finding("nothing pruned", 0.5, f"0 of {len(whole)} trials that report")
    steps = {step for trial in whole + cut for step in trial.intermediate_values}
    early = sum(trial.last_step == min(steps) for trial in cut)
    if len(steps) > 1 and early >= max(5, len(cut) / 2):
        yield Finding("pruned at the first report", early / len(s.all), f"{early} of {len(cut)} at step {min(steps)}")
    last = [s.sign * trial.intermediate_values[trial.last_step or 0] for trial in cut if len(s.loss)]
    if better := sum(loss < s.loss.min() for loss in last):
        yield Finding("pruned above the best", better / len(s.all), f"{better} of {len(cut)} pruned, at their end")


def _repeats(s: Facts) -> Iterator[Finding]:
    """Hyperparameters that came twice: always so many trials later, or with the same value."""
    first = {key: n for n, key in reversed(list(enumerate(s.keys)))}
    again = {n: n - first[key] for n, key in enumerate(s.keys) if first[key] < n and s.all[n].params}
    distance, count = Counter(again.values()).most_common(1)[0] if again else (0, 0)
    if count >= max(3, len(again) / 2):
        yield Finding("repeated draws", count / len(s.all), f"{count} trials repeat the one {distance} before")
    same = [n for n, back in again.items() if back != distance and s.all[n].values == s.all[n - back].values]
    if len(same) >= max(5, len(s.all) / 10):
        yield Finding("duplicates", len(same) / len(s.all), f"{len(same)} trials repeat an earlier one and its value")


def _ranges(s: Facts) -> Iterator[Finding]:
    """Whether there are enough trials for the hyperparameters, and where in its range each was good."""
    n, wanted, idle = len(s.done + s.pruned), FEW * len(s.knobs), []
    if 0 < n < wanted:
        yield Finding("few trials", 1 - n / wanted, f"{n} that ended well for {len(s.knobs)} hyperparameters")
    ranked = [(loss, s.all[number]) for loss, number in sorted(group[0] for group in s.repeats.values())]
    for name, kind in s.knobs.items():
        values = [repr(trial.params[name]) for trial in s.all if name in trial.params]
        if len(values) >= 10 and len(set(values)) == 1:
            yield Finding("never varied", 1 / len(s.knobs), f"{name!r} was {values[0]} in all {len(values)} trials")
        same = [(loss, t.params[name]) for loss, t in ranked if t.distributions.get(name) == kind]
        inner = np.array([kind.to_internal_repr(value) for _, value in same])
        quarter, how = len(inner) // 4, "auto" if len(inner) < 1000 else "asymp"  # the exact one takes long
        if quarter >= 12 and (chance := ks_2samp(inner[:quarter], inner[quarter:], method=how).pvalue) > DUMMY:
            idle.append(f"{name!r} ({chance:.2f})")
        new = np.diff([loss for loss, _ in same], prepend=-np.inf) > 0  # of equal values the first says it all
        if new.sum() >= 20 and isinstance(kind, FloatDistribution | IntDistribution):
            yield from _places(name, kind, inner[new])
    if idle:
        evidence = f"the best quarter differs from the rest as much by chance, with probability: {', '.join(idle)}"
        yield Finding("advice: no better than a dummy", len(idle) / len(s.knobs), evidence)


def _places(name: str, kind: FloatDistribution | IntDistribution, numbers: np.ndarray) -> Iterator[Finding]:
    """What the values of one hyperparameter, the best trial's first, say of its range of more than five values."""
    if kind.high - kind.low < 5 * (kind.step or 0):
        return
    scale, best = np.log if kind.log else np.asarray, max(5, len(numbers) // 10)
    places = (scale(numbers) - scale(kind.low)) / (scale(kind.high) - scale(kind.low))
    lowest = float(np.mean(places[:best] < 0.1))
    if kind.low > 0 and kind.high / kind.low >= 100 and not kind.log and lowest >= 0.5:
        yield Finding("linear scale", lowest, f"{lowest:.0%} of the best have {name!r} in the range's lowest tenth")
        return  # it explains why the best lie at the lower edge
    for edge, near in ((kind.low, places <= EDGE), (kind.high, places >= 1 - EDGE)):
        share, (ranks,), (others,) = float(near[:best].mean()), np.nonzero(near), np.nonzero(~near)
        apart = near[0] and share >= 0.75 and len(others)
        if apart and mannwhitneyu(ranks, others, alternative="less").pvalue < CHANCE:
            yield Finding("best at an edge", share, f"{share:.0%} of the best have {name!r} within 5 % of {edge:g}")


def _values(s: Facts) -> Iterator[Finding]:
    """What the best value is worth, and whether going on is."""
    levels, half = np.unique(s.loss), len(s.loss) // 2
    if half and len(levels) == 1:
        yield Finding("all values equal", 1, f"{len(s.loss)} times {s.sign * levels[0]:g}")
    if half < 10 or len(levels) == 1:
        return
    if len(levels) >= 10 and levels[1] - levels[0] > 4 * (levels[9] - levels[1]):  # 1 in 140 of exponential tails
        lead, width = levels[1] - levels[0], levels[9] - levels[1]
        yield Finding("best stands alone", 0.5, f"it leads by {lead:.3g}; the next nine lie within {width:.3g}")
    gain, freedom = s.loss[:half].min() - levels[0], len(s.loss) - len(s.repeats)
    said = f"the last {len(s.loss) - half} values improved the best by {gain:.3g}"
    squares = sum(len(group) * np.var([loss for loss, _ in group]) for group in s.repeats.values())
    if freedom < 4 or not squares:
        yield Finding("advice: noise unknown", 0, f"{said}; no repeats tell the noise")
    elif gain < np.sqrt(squares / chi2.ppf(0.95, freedom)) / 2:  # of the least noise that these repeats allow
        yield Finding("stopped changing", 0.5, f"{said}, less than half the noise, {np.sqrt(squares / freedom):.3g}")


def _fit(s: Facts) -> Iterator[Finding]:
    """Whether hyperparameters, objectives and sampler fit."""
    sampler, n, goals = type(s.study.sampler).__name__, len(s.finite), len(s.study.directions)
    if s.partly and sampler == "TPESampler":
        yield Finding("advice: outside the joint space", 0.5, f"{len(s.partly)} not in all trials: {s.partly}")
    odd = [name for name, kind in s.knobs.items() if isinstance(kind, CategoricalDistribution) or name in s.partly]
    unfit = {"CmaEsSampler": odd, "GPSampler": n > 500 or s.partly, "RandomSampler": n > 100, "GridSampler": n > 100}
    if unfit.get(sampler):
        yield Finding("advice: sampler", 0.5, f"{sampler}, {n} trials, {len(odd)} categorical or conditional")
    if goals > 1 and n >= 10 and len({tuple(trial.values) for trial in s.study.best_trials}) == 1:
        yield Finding("one point is the front", 1, f"of {n} trials one point is the best in all {goals} objectives")


def main(arguments: list[str]) -> int:
    """Prints the check-up of a study in a storage, for example `sqlite:////home/you/study.db my_study`."""
    try:
        if len(arguments) != 2:
            raise BadInput("Write python -m helpers.checkup URL STUDY.")
        storage = open_storage(arguments[0], create=False)
        if arguments[1] not in (names := optuna.get_all_study_names(storage)):
            raise BadInput(f"There is no study {arguments[1]!r} in this storage; it has {names}.")
        found = examine(optuna.load_study(study_name=arguments[1], storage=storage))
    except (BadInput, StorageLost) as error:
        print(error, file=sys.stderr)
        return 2
    print(found)
    return int(any(not finding.kind.startswith("advice") for finding in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
