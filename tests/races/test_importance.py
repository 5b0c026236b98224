"""True importances, Optuna's estimates of them, the recorded ones, and the lens that shows both."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.importance import get_param_importances

from helpers.errors import BadInput
from helpers.explore.lenses import draw_importances
from helpers.problems.table import DIGITS, FASHION, SPACE, load_benchmark
from helpers.races import importance
from helpers.races.importance import (
    BUDGETS,
    ESTIMATES,
    PROBLEMS,
    SAMPLERS,
    SEEDS,
    load_importances,
    true_importances,
)
from helpers.races.recorded.record_importances import (
    EVALUATORS,
    TABLES,
    WEIGHTS,
    bowl_table,
    recorded_table,
    search,
    studies_of,
    truth_of,
)


@pytest.fixture(autouse=True)
def _quiet_optuna() -> None:
    """No line for every study."""
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)


# The truth


def test_the_bowls_true_shares_of_variance() -> None:
    """The variance of w x² is proportional to w², whatever x's own is."""
    weights = pd.Series(WEIGHTS) ** 2
    assert true_importances("bowl")["variance"].to_numpy() == pytest.approx((weights / weights.sum()).to_numpy())


def test_the_truth_of_the_best_tenth_is_counted_right() -> None:
    """Against a plain count of the bowl's best rows, one hyperparameter at a time."""
    rows = bowl_table()
    best = rows.nsmallest(len(rows) // 10, "loss")
    found = {}
    for name in WEIGHTS:
        everyone = rows[name].value_counts(normalize=True)
        shares = best[name].value_counts(normalize=True).reindex(everyone.index).fillna(0)
        found[name] = float((everyone * (shares / everyone - 1) ** 2).sum())
    wanted = pd.Series(found) / sum(found.values())
    assert true_importances("bowl")["best tenth"].to_numpy() == pytest.approx(wanted.to_numpy(), abs=0.002)


def test_rows_of_the_benchmark_weigh_as_random_search_draws_them() -> None:
    """2,000 random trials land on each level as often as its rows weigh. By hand: the widths nearest to 4 are 4 and 5,
    and Optuna draws a whole number from half below to half above it."""
    rows, table = recorded_table(DIGITS), load_benchmark()
    assert rows["weight"].sum() == pytest.approx(1) == recorded_table(FASHION)["weight"].sum()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = pd.DataFrame([table.nearest(table.suggest(study.ask())) for _ in range(2000)])
    for name in SPACE:
        wanted = rows.groupby(name)["weight"].sum()
        found = drawn[name].value_counts(normalize=True).reindex(wanted.index)
        assert found.to_numpy() == pytest.approx(wanted.to_numpy(), abs=0.045)
    narrow = rows[rows["width"] == 4]["weight"].sum()
    assert narrow == pytest.approx(math.log(5.5 / 3.5) / math.log(64.5 / 3.5), rel=1e-12)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_true_importances_sum_to_one(problem: str) -> None:
    """And the hyperparameters that change nothing have none; the record holds what all values give."""
    truth = true_importances(problem)
    pd.testing.assert_frame_equal(truth, truth_of(TABLES[problem]()), check_names=False, rtol=1e-9)
    assert truth.sum().to_numpy() == pytest.approx([1, 1]) and (truth >= 0).all(axis=None)
    assert truth.loc["dummy" if problem == "bowl" else "weight_decay"].max() < 0.003


def test_on_the_clothes_the_test_images_name_the_same() -> None:
    """No share differs by more than 0.04 between the images that a search sees and those that it does not."""
    seen, unseen = (truth_of(recorded_table(FASHION, f"{part}_accuracy")) for part in ("validation", "test"))
    assert (seen - unseen).abs().max(axis=None) < 0.04
    assert seen["variance"].idxmax() == "learning_rate" and seen["best tenth"].idxmax() == "width"


# Estimates


@pytest.mark.slow
@pytest.mark.parametrize(("evaluator", "trials"), [("PED-ANOVA", 1000), ("fANOVA", 300)])
def test_with_many_random_trials_optuna_finds_the_truth(evaluator: str, trials: int) -> None:
    """So the truth is the thing that Optuna estimates."""
    study = search("bowl", "random", trials, 0)
    found = pd.Series(get_param_importances(study, evaluator=EVALUATORS[evaluator](0)))[list(WEIGHTS)]
    assert found.to_numpy() == pytest.approx(true_importances("bowl")[ESTIMATES[evaluator]].to_numpy(), abs=0.08)


def test_unknown_names() -> None:
    """One of those there are."""
    for load in (true_importances, load_importances):
        with pytest.raises(BadInput, match="Unknown problem"):
            load("cifar")


def test_importances_of_what_is_maximised() -> None:
    """The trap of notebook 09: low counts as good as soon as there is a target; with the sign turned the answer is the
    default's. Pruned trials do not count."""
    study = search("digits", "random", 40, 0)
    plain = get_param_importances(study)
    with pytest.warns(UserWarning, match="low `target` values"):
        aimed, turned = (get_param_importances(study, target=lambda trial, s=s: s * trial.value) for s in (1, -1))
    assert aimed != pytest.approx(plain) and turned == pytest.approx(plain)
    study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.PRUNED, value=1.0))
    assert get_param_importances(study) == plain


def test_mean_decrease_impurity_wants_sorted_names() -> None:
    """Optuna 5.0 gives the bars of the sorted names to names as they come, as 09 says; its two others do not."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: trial.suggest_float("z", 0, 1) + 0 * trial.suggest_float("a", 0, 1), n_trials=50)
    first = {
        name: next(iter(get_param_importances(study, evaluator=make(0), params=["z", "a"])))
        for name, make in EVALUATORS.items()
    }
    assert first == {"PED-ANOVA": "z", "fANOVA": "z", "mean decrease impurity": "a"}


# The record


def test_ped_anova_takes_a_choice_for_less_than_a_number() -> None:
    """Of Optuna 5.0, and told in notebook 09: half of each is good, and a category is smoothed away. Fails when that is
    mended."""

    def twins(trial: optuna.Trial) -> float:
        choice, number = trial.suggest_categorical("choice", ["a", "b"]), trial.suggest_float("number", 0, 1)
        return (choice == "a") + (number < 0.5) + trial.suggest_float("the rest", 0, 0.5)

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(twins, n_trials=1000)
    shares = optuna.importance.get_param_importances(study)
    assert shares["number"] > 2 * shares["choice"]


@pytest.mark.slow
def test_the_record_has_every_case() -> None:
    """Each study's importances sum to 1; a few of random search are repeated to the digit. TPE's searches are not: with
    integer parameters they part between processors."""
    for problem in PROBLEMS:
        recorded = load_importances(problem)
        names = list(true_importances(problem).index)
        assert list(recorded.columns) == names
        assert len(recorded) == len(SAMPLERS) * len(EVALUATORS) * len(BUDGETS) * SEEDS
        assert recorded.sum(axis=1).to_numpy() == pytest.approx(np.ones(len(recorded)), abs=1e-5)
        study = studies_of(problem, "random", 4, BUDGETS[:3])[2]
        for evaluator in EVALUATORS:
            again = get_param_importances(study, evaluator=EVALUATORS[evaluator](4), params=sorted(names))
            row = recorded.loc["random", evaluator, BUDGETS[2]].iloc[4]
            assert [again[name] for name in names] == pytest.approx(row.to_list(), abs=1e-4)


def test_a_missing_or_damaged_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence with the way out."""
    (tmp_path / "broken.npz").write_bytes(b"PK")
    for name in ("none.npz", "broken.npz"):
        monkeypatch.setattr(importance, "FILE", tmp_path / name)
        for load in (load_importances, true_importances):
            with pytest.raises(BadInput, match="missing or damaged: get the file"):
                load.__wrapped__("digits")


# The lens


def test_the_lens_draws_the_record() -> None:
    """All studies, their median and the truth, the most important at the top; its sentence is a count of studies."""
    for settings in (("digits", "random", "PED-ANOVA", 400), ("bowl", "TPE", "fANOVA", 25)):
        figure, said = draw_importances(*settings)
        studies, median, truth = figure.data
        names, recorded = list(figure.layout.yaxis.ticktext), load_importances(settings[0])
        shares, true = recorded.loc[settings[1:]], true_importances(settings[0])[ESTIMATES[settings[2]]]
        assert list(truth.x) == list(true[names]) == sorted(truth.x)
        assert sorted(studies.x) == sorted(shares.to_numpy().ravel()) and list(median.x) == list(shares[names].median())
        for name, row in zip(names, truth.y, strict=True):
            own = [x for x, y in zip(studies.x, studies.y, strict=True) if round(y) == row]
            assert sorted(own) == sorted(shares[name])
        right = int((shares.idxmax(axis=1) == names[-1]).sum())
        assert said.startswith(f"{names[-1]} is the most important; {right} of 20 studies say so.")
