"""Another program in the same study: scikit-learn, ask and tell, and not a line of this course.

    OPTUNA_STORAGE=postgresql+psycopg://... python other_program.py STUDY TRIALS
    python other_program.py '{"C": 1, "gamma": 0.001}'

The second only prints the value, for programs that know nothing of Optuna (ask_and_tell.sh): the share of 360
handwritten digits that a support vector machine names correctly. All share the names and ranges of the parameters.
"""

import json
import os
import sys

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import TrialState
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

SPACE: dict[str, BaseDistribution] = {
    "C": FloatDistribution(0.01, 100, log=True),
    "gamma": FloatDistribution(1e-5, 0.1, log=True),
}


def accuracy(C: float, gamma: float) -> float:
    """On validation images; the split is the same in every trial and every program."""
    images, labels = load_digits(return_X_y=True)
    x_train, x_valid, y_train, y_valid = train_test_split(images, labels, test_size=360, random_state=0)
    return float(SVC(C=C, gamma=gamma).fit(x_train, y_train).score(x_valid, y_valid))


def join(name: str, trials: int) -> None:
    """Asks for so many trials, one after the other, and tells each."""
    study = optuna.load_study(study_name=name, storage=os.environ["OPTUNA_STORAGE"])
    for _ in range(trials):
        trial = study.ask(fixed_distributions=SPACE)
        trial.set_user_attr("program", "scikit-learn")
        try:
            value = accuracy(**trial.params)
        except BaseException:  # Ctrl-C too: a trial that was asked for has no heartbeat, and would run for ever
            study.tell(trial, state=TrialState.FAIL)
            raise
        study.tell(trial, value)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(accuracy(**json.loads(sys.argv[1])))
    else:
        join(sys.argv[1], int(sys.argv[2]))
