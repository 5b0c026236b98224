"""The exit quiz: each right answer is proved by running Optuna, and the device behaves whatever is answered."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.pruners import MedianPruner
from optuna.samplers import BaseSampler, CmaEsSampler, RandomSampler, TPESampler
from optuna.storages import GrpcStorageProxy, InMemoryStorage, JournalStorage, RDBStorage
from optuna.trial import Trial, TrialState, create_trial

from helpers.exercises.questions import QUESTIONS
from helpers.fleet import open_storage
from helpers.inside.tpe import observe_tpe
from helpers.learn import Question, Quiz
from helpers.problems.functions import FUNCTIONS

PROOFS: dict[str, Callable[[Path], str]] = {}
NB = "01_first_study.ipynb"
BY_KEY = {question.key: question for question in QUESTIONS}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Optuna reports no single trial."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


def proves(key: str) -> Callable[[Callable], Callable]:
    """Registers a function that runs Optuna and returns the option it found to be true."""

    def register(proof: Callable[[Path], str]) -> Callable[[Path], str]:
        PROOFS[key] = proof
        return proof

    return register


def drawn(sampler: BaseSampler, value: Callable[[float], float], trials: int) -> list[float]:
    """The places that a sampler takes on one float from 0 to 1, with the values they are told to have."""
    study = optuna.create_study(sampler=sampler)
    study.optimize(lambda trial: value(trial.suggest_float("x", 0, 1)), n_trials=trials)
    return [trial.params["x"] for trial in study.trials]


def reporting(reports: list[list[float]], pruner: optuna.pruners.BasePruner) -> optuna.Study:
    """A study that maximises, whose trials report these values until they are pruned."""
    study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=0), pruner=pruner)

    def objective(trial: Trial) -> float:
        for step, value in enumerate(reports[trial.number]):
            trial.report(value, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    study.optimize(objective, n_trials=len(reports))
    return study


@proves("knows")
def _(folder: Path) -> str:
    """Two objectives that agree at the places asked are the same to TPE; other values are not."""

    def slow(x: float) -> float:
        return sum([(x - 0.3) ** 2] + [0.0] * 1000)

    one, other = (drawn(TPESampler(seed=0), value, 30) for value in (lambda x: (x - 0.3) ** 2, slow))
    assert one == other != drawn(TPESampler(seed=0), lambda x: -x, 30)
    return "The parameters and the values of earlier trials, and what they reported"


@proves("optimism")
def _(folder: Path) -> str:
    """Twenty searches of 60 trials whose every value is 0.96 and noise: the best is above the mean of fresh runs."""
    lower = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=seed))

        def noisy(x: float, rng: np.random.Generator = rng) -> float:
            return 0.96 - 0.001 * x + rng.normal(0, 0.01)

        study.optimize(lambda trial, noisy=noisy: noisy(trial.suggest_float("x", 0, 1)), n_trials=60)
        again = [noisy(study.best_params["x"]) for _ in range(10)]
        lower += np.mean(again) < study.best_value
    assert lower >= 19
    return "most likely lower than 0.97"


@proves("nan")
def _(folder: Path) -> str:
    """The states of five trials, of which the fourth returned nan."""
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    study.optimize(lambda trial: float("nan") if trial.number == 3 else trial.suggest_float("x", 0, 1), n_trials=5)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3 + ["FAIL", "COMPLETE"]
    return "Trial 3 fails, and the study goes on"


@proves("log")
def _(folder: Path) -> str:
    """The share of 2,000 draws."""
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    rates = [study.ask().suggest_float("rate", 1e-4, 1, log=True) for _ in range(2000)]
    assert np.mean(np.array(rates) < 0.01) == pytest.approx(0.5, abs=0.05)
    return "a half"


@proves("reused")
def _(folder: Path) -> str:
    """Both calls, in one trial."""
    trial = optuna.create_study(sampler=RandomSampler(seed=0)).ask()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = trial.suggest_int("width", 4, 8), trial.suggest_int("width", 16, 64)
    assert first == second <= 8 and list(trial.params) == ["width"]
    return "returns the value of the first call again"


@proves("constraint")
def _(folder: Path) -> str:
    """Of 4999 and 5000 and 5001 weights with falling values, the best feasible has 5000."""
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    for weights in (4999, 5000, 5001):
        trial = study.ask()
        trial.set_constraint("size", weights - 5000)
        study.tell(trial, -float(weights))
    assert study.best_value == -5000
    return "When weights are at most 5000"


@proves("startup")
def _(folder: Path) -> str:
    """The first ten do not listen to the values; later ones do. They fill the range as random draws do."""
    one, other = (drawn(TPESampler(seed=0), value, 30) for value in (lambda x: x, lambda x: -x))
    assert one[:10] == other[:10] and one[10:] != other[10:]
    firsts = [x for seed in range(30) for x in drawn(TPESampler(seed=seed), lambda x: x, 10)]
    assert len(set(firsts)) == 300 and np.quantile(firsts, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.06)
    return "At random, whatever their values are"


@proves("cmaes")
def _(folder: Path) -> str:
    """It is not in the space of the model, and all choices go on coming, the bad one too."""

    def objective(trial: Trial) -> float:
        bad = trial.suggest_categorical("kind", ["good", "bad"]) == "bad"
        return 10 * bad + sum(trial.suggest_float(name, 0, 1) for name in "xy")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = CmaEsSampler(seed=0, warn_independent_sampling=False)
        study = optuna.create_study(sampler=sampler)
        study.optimize(objective, n_trials=120)
    assert set(sampler.infer_relative_search_space(study, study.trials[-1])) == {"x", "y"}
    late = Counter(trial.params["kind"] for trial in study.trials[60:])
    assert 15 <= late["bad"] <= 45
    return "drawn at random, apart from the model"


@proves("ratio")
def _(folder: Path) -> str:
    """Of the candidates of every step, the taken one is that with the highest log l - log g; often not of log l."""
    function = next(function for function in FUNCTIONS.values() if len(function.low) == 1)
    steps = [step for step in observe_tpe(function, 40, 0) if step.good]
    assert all(step.taken == pytest.approx(step.candidates[np.argmax(step.scores)]) for step in steps)
    log_l = [np.interp(step.candidates, step.grid, step.log_l) for step in steps]
    assert any(np.argmax(density) != np.argmax(step.scores) for density, step in zip(log_l, steps, strict=True))
    return "the highest l(x) / g(x)"


@proves("outside")
def _(folder: Path) -> str:
    """A sampler that always returns 7."""

    class Seven(RandomSampler):
        def infer_relative_search_space(self, study, trial):
            return {"x": FloatDistribution(0, 1)}

        def sample_relative(self, study, trial, search_space):
            return {"x": 7.0}

        def sample_independent(self, study, trial, param_name, param_distribution):
            return 0.25

    assert drawn(Seven(seed=0), lambda x: x, 3) == [0.25] * 3
    return "a value from sample_independent, without an error"


@proves("pruned best")
def _(folder: Path) -> str:
    """One completed at 0.94, one pruned at 0.95."""
    study = optuna.create_study(direction="maximize")
    study.add_trial(create_trial(value=0.94))
    study.add_trial(create_trial(state=TrialState.PRUNED, value=0.95, intermediate_values={0: 0.95}))
    assert study.best_trial.number == 0
    return "the completed one"


@proves("pruned value")
def _(folder: Path) -> str:
    """A trial that stops itself."""
    study = optuna.create_study(direction="maximize")

    def objective(trial: Trial) -> float:
        for step, value in enumerate((0.3, 0.8, 0.6)):
            trial.report(value, step)
        raise optuna.TrialPruned

    study.optimize(objective, n_trials=1)
    assert study.trials[0].value == 0.6
    return "0.6, its last report"


@proves("median")
def _(folder: Path) -> str:
    """Six at 0.5; one with a high start is left alone, one that was always low is pruned."""
    steady, fallen, low = [0.5] * 30, [0.9] + [0.1] * 29, [0.1] * 30
    study = reporting([steady] * 6 + [fallen, low], MedianPruner())
    assert [trial.state.name for trial in study.trials[6:]] == ["COMPLETE", "PRUNED"]
    return "never pruned: its best report counts"


@proves("workers")
def _(folder: Path) -> str:
    """Three that open the same study."""
    storage = open_storage(f"journal:///{folder}/study")
    for seed in range(3):
        study = optuna.create_study(study_name="s", storage=storage, load_if_exists=True)
        study.sampler = RandomSampler(seed=seed)
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=10)
    assert len(study.trials) == 30
    return "30"


@proves("heartbeat")
def _(folder: Path) -> str:
    """Which classes can be given an interval and can record one."""
    recording = [
        storage
        for storage in (RDBStorage, JournalStorage, GrpcStorageProxy, InMemoryStorage)
        if hasattr(storage, "record_heartbeat")
    ]
    assert recording == [RDBStorage]
    return "A database that the workers open themselves"


@proves("direction")
def _(folder: Path) -> str:
    """Opened with the other direction, without a warning."""
    storage = open_storage(f"journal:///{folder}/study")
    optuna.create_study(study_name="s", storage=storage, direction="minimize")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study = optuna.create_study(study_name="s", storage=storage, direction="maximize", load_if_exists=True)
    assert study.direction.name == "MINIMIZE"
    return "still minimises, without a word"


@proves("history")
def _(folder: Path) -> str:
    """The dots of the figure."""
    study = optuna.create_study()
    for n in range(50):
        state = TrialState.COMPLETE if n % 5 < 3 else TrialState.PRUNED
        study.add_trial(create_trial(state=state, value=float(n), intermediate_values={0: float(n)}))
    dots = optuna.visualization.plot_optimization_history(study).data[0]
    assert dots.mode == "markers" and len(dots.x) == 30
    return "30"


@proves("target")
def _(folder: Path) -> str:
    """`good` decides who is among the best, `bad` who is among the worst: with the value as target, `bad` leads."""

    def objective(trial: Trial) -> float:
        good, bad = (trial.suggest_float(name, 0, 1) for name in ("good", "bad"))
        return max(0.0, good - 0.7) - max(0.0, bad - 0.7)

    study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=0))
    study.optimize(objective, n_trials=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = optuna.importance.get_param_importances(study)
        aimed = optuna.importance.get_param_importances(study, target=lambda trial: trial.value)
    assert (max(plain, key=plain.get), max(aimed, key=aimed.get)) == ("good", "bad")
    return "the worst trials"


@proves("report two")
def _(folder: Path) -> str:
    """The error itself."""
    trial = optuna.create_study(directions=["maximize", "minimize"]).ask()
    with pytest.raises(NotImplementedError):
        trial.report(0.9, 1)
    return "raises NotImplementedError"


@proves("resume")
def _(folder: Path) -> str:
    """Two runs of five, by two programs that share a seed and a database."""
    storage = open_storage(f"journal:///{folder}/study")
    for _ in range(2):
        study = optuna.create_study(study_name="s", storage=storage, load_if_exists=True, sampler=RandomSampler(seed=0))
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
    places = [trial.params["x"] for trial in study.trials]
    assert places[:5] == places[5:] and len(set(places)) == 5
    return "repeat the draws of the first run"


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_optuna_proves_each_answer(question: Question, tmp_path: Path) -> None:
    """What is called right is what happens."""
    assert PROOFS[question.key](tmp_path) == question.answer


def test_the_quiz_is_whole() -> None:
    """Twenty questions, each with a proof; every notebook before the capstone; the right places are spread."""
    assert len(QUESTIONS) == len(BY_KEY) == len(PROOFS) == len({question.text for question in QUESTIONS}) == 20
    assert {question.notebook[:2] for question in QUESTIONS} == {f"{n:02}" for n in range(12)}
    places = Counter(question.right for question in QUESTIONS)
    assert set(places) == {0, 1, 2, 3} and max(places.values()) <= 6
    assert all(len(set(question.options)) == 4 == len(question.options) for question in QUESTIONS)
    assert all(len(question.why) > 40 for question in QUESTIONS)
    longest = sum(max(question.options, key=len) == question.answer for question in QUESTIONS)
    assert longest <= 10  # nobody passes by taking the longest


def test_every_link_leads_somewhere() -> None:
    """The notebooks to read again are there."""
    folder = Path(__file__).parents[2] / "notebooks"
    assert all((folder / question.notebook).exists() for question in QUESTIONS)


# The device


def choose(quiz: Quiz, number: int, option: str) -> Quiz:
    """What a click on an option of question `number`, from 1, does."""
    quiz._radios[number - 1].value = option
    return quiz


def test_unanswered_nothing_breaks() -> None:
    """No answer, a button that is pressed, a review: no score, no explanation given away."""
    quiz = Quiz(QUESTIONS)
    quiz._button.click()
    assert quiz.answers == (None,) * 20
    assert quiz.review().data == "0 of 20 right; 20 not answered."
    assert not any(mark.value for mark in quiz._marks)


def test_right_and_wrong_answers_are_explained() -> None:
    """All right but one: the one is explained, with the notebook to read again."""
    quiz = Quiz(QUESTIONS)
    for n, question in enumerate(QUESTIONS, start=1):
        choose(quiz, n, question.answer)
    assert quiz.review().data == "20 of 20 right; 0 not answered."
    choose(quiz, 14, "10").mark()
    assert "19 of 20 right" in quiz._total.value
    assert "Read again: notebook 07 · scale up." in quiz._marks[13].value and QUESTIONS[13].why in quiz._marks[13].value
    said = quiz.review().data
    assert "| 14 |" in said and "**30.**" in said and "(07_scale_up.ipynb)" in said and said.count("\n| ") == 2
    choose(quiz, 14, "30").mark()
    assert "20 of 20" in quiz._total.value and "Read again" not in quiz._marks[13].value


def test_without_a_kernel_it_can_be_read_but_not_marked() -> None:
    """Questions and options as text and as HTML, and nothing that tells which is right."""
    bundle = Quiz(QUESTIONS)._repr_mimebundle_()
    for question in QUESTIONS:
        assert question.text in bundle["text/plain"] and question.why not in bundle["text/plain"]
        assert all(option in bundle["text/plain"] for option in question.options)
    assert bundle["text/html"].count("<li>") == 100 and "l(x) / g(x)" in bundle["text/html"]


def test_html_in_a_question_is_text() -> None:
    """What looks like a tag is shown as it is."""
    quiz = Quiz([Question("k", "Is <b> bold?", ("<i>yes</i>", "no", "perhaps"), 0, "It <is>.", "01_first_study.ipynb")])
    choose(quiz, 1, "no").mark()
    assert "&lt;b&gt;" in quiz.children[0].children[0].value and "&lt;i&gt;" in quiz._marks[0].value
    assert "<i>" not in quiz._repr_mimebundle_()["text/html"]
