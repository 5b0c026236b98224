"""The exit quiz: twenty questions over notebooks 00 to 11. Each answer is proved in tests/exercises/test_quiz.py.

Ten of them, which need no word of the course, are asked before it too, in notebook 00.
"""

from __future__ import annotations

from helpers.learn.quiz import Question

NB00, NB01, NB02 = "00_start_here.ipynb", "01_first_study.ipynb", "02_search_spaces.ipynb"
NB03, NB04, NB05 = "03_samplers.ipynb", "04_inside_the_samplers.ipynb", "05_your_own_sampler.ipynb"
NB06, NB07, NB08 = "06_pruners.ipynb", "07_scale_up.ipynb", "08_visualization.ipynb"
NB09, NB10, NB11 = "09_importance.ipynb", "10_pytorch.ipynb", "11_best_practices.ipynb"

QUESTIONS = (
    Question(
        "knows",
        "What does TPE learn about your objective?",
        (
            "How its network is built, and its gradients",
            "How long each trial took",
            "The parameters and the values of earlier trials, and what they reported",
            "Nothing: it draws each trial afresh",
        ),
        2,
        "It sees scores, as you did in the game. What happens between parameters and score stays hidden from it.",
        NB00,
    ),
    Question(
        "optimism",
        "The best of 60 noisy trials has the value 0.97. You train it again ten times with fresh seeds. Their mean is",
        (
            "most likely lower than 0.97",
            "most likely higher than 0.97",
            "0.97, when the sampler was seeded",
            "0.97, when there were enough trials",
        ),
        0,
        "The maximum is chosen for skill and for luck, and luck does not repeat. More trials make it worse.",
        NB01,
    ),
    Question(
        "nan",
        "In trial 3 the objective returns nan. What happens?",
        (
            "The study stops with an exception",
            "Trial 3 fails, and the study goes on",
            "Trial 3 counts as the worst so far",
            "Trial 3 is run again with other values",
        ),
        1,
        "nan is no value: the trial becomes FAIL and no other trial is touched. An exception would have stopped it.",
        NB01,
    ),
    Question(
        "log",
        'suggest_float("rate", 1e-4, 1, log=True): which share of random draws lies below 0.01?',
        ("1 %", "10 %", "a quarter", "a half"),
        3,
        "On a logarithmic range each factor of ten is as likely as the next: two of the four lie below 0.01.",
        NB02,
    ),
    Question(
        "reused",
        'One trial calls suggest_int("width", 4, 8) and then suggest_int("width", 16, 64). The second call',
        (
            "returns a number from 16 to 64",
            "returns the value of the first call again",
            "raises a ValueError",
            "adds a second parameter",
        ),
        1,
        "A name has one value in a trial. A layer of its own needs a name of its own, such as width_1.",
        NB02,
    ),
    Question(
        "constraint",
        'trial.set_constraint("size", weights - 5000): when is a trial feasible?',
        (
            "When weights are at most 5000",
            "When weights are at least 5000",
            "When weights are exactly 5000",
            "When the objective returns True",
        ),
        0,
        "At or below 0 is feasible. It is a soft constraint: such trials are still drawn, but none is the best trial.",
        NB02,
    ),
    Question(
        "startup",
        "How does TPE choose its first ten trials?",
        (
            "On a grid over the space",
            "In the middle of the space, then outwards",
            "By its model of the trials so far",
            "At random, whatever their values are",
        ),
        3,
        "It needs some trials before it can tell good from bad ones. A search of 15 trials is mostly random search.",
        NB03,
    ),
    Question(
        "cmaes",
        "You give CmaEsSampler a space with two floats and one categorical hyperparameter. The categorical one is",
        (
            "turned into numbers and modelled",
            "refused with an error",
            "drawn at random, apart from the model",
            "kept at its first choice",
        ),
        2,
        "CMA-ES adapts a normal distribution, which has no place for categories. TPE models them.",
        NB03,
    ),
    Question(
        "ratio",
        "TPE has a density of good trials, l(x), and one of the others, g(x). Of its candidates it takes the one with",
        (
            "the highest l(x) / g(x)",
            "the highest l(x)",
            "the lowest g(x)",
            "the highest predicted value",
        ),
        0,
        "A place is worth trying where good trials are frequent and others are not. TPE predicts no value.",
        NB04,
    ),
    Question(
        "luck",
        "You race random search against itself, under two names, on 20 problems. A name is "
        'better where its 95 % interval leaves out 0. How many "winners" do you expect?',
        ("None: it is the same sampler", "About one", "About ten", "More, the harder the problems"),
        1,
        "Of twenty 95 % intervals one misses the truth. With many comparisons, ask for wider ones.",
        NB05,
    ),
    Question(
        "pruned best",
        "A trial was pruned (stopped early) at 0.95. The best completed trial has 0.94, and the study maximises. "
        "best_trial is",
        (
            "the pruned one",
            "the completed one",
            "an error, as the two cannot be compared",
            "the pruned one, once it has been resumed",
        ),
        1,
        "Only completed trials can be the best: a pruned one has not shown how it would have ended.",
        NB06,
    ),
    Question(
        "pruned value",
        "A trial reported 0.3, 0.8, 0.6 and was pruned. Its value is",
        ("0.8, its best report", "None", "0.57, their mean", "0.6, its last report"),
        3,
        "A pruned trial keeps its last report, good or bad; TPE learns from it.",
        NB06,
    ),
    Question(
        "workers",
        "Three workers open the same study and each calls study.optimize(objective, n_trials=10). How many trials run?",
        ("10", "30", "13, as each finishes its last one", "It depends on which is fastest"),
        1,
        "n_trials counts for one call of optimize. For a total over all workers there is MaxTrialsCallback.",
        NB07,
    ),
    Question(
        "killed",
        "A worker is killed in the middle of a trial. The storage is a journal file. What becomes of the trial?",
        (
            "It stays RUNNING until it is told to have failed",
            "It fails at once, and the study goes on",
            "Another worker takes it over and finishes it",
            "It vanishes, as it has no value",
        ),
        0,
        "Nobody is left to report it. Tell the study: study.tell(number, state=TrialState.FAIL). A database can notice "
        "it by a heartbeat, when you switch that on.",
        NB07,
    ),
    Question(
        "handed over",
        "A new program goes on with a study that lies in a database. Beside the objective, what must it name again?",
        (
            "The direction",
            "The trials and their values",
            "The sampler and the pruner",
            "Nothing: the database keeps all of it",
        ),
        2,
        "Trials and direction are stored. Sampler and pruner are not: without a name they are Optuna's usual ones.",
        NB07,
    ),
    Question(
        "history",
        "A study has 30 completed and 20 pruned trials. How many dots has plot_optimization_history?",
        ("30", "50", "20", "1, the best trial"),
        0,
        "The history shows completed trials only. What pruning did is seen in plot_intermediate_values.",
        NB08,
    ),
    Question(
        "dummy",
        "After 30 trials a parameter that changes nothing has the importance 0.15, momentum has 0.12. What do you know "
        "about momentum?",
        (
            "It matters less than most others",
            "It changes nothing, like the other",
            "It matters: 0.12 is not 0",
            "Nothing yet: noise alone reaches as high",
        ),
        3,
        "What stands no higher than a dummy cannot be told from one. Collect more trials, random ones.",
        NB09,
    ),
    Question(
        "fair",
        "With the learning rate fixed, networks with three hidden layers score 0.4 lower than with one. What next?",
        (
            "Leave depth 3 out of the space",
            "Report that depth matters most",
            "Tune the rate for each depth, then compare",
            "Train all depths for more epochs at this rate",
        ),
        2,
        "The rate is a nuisance knob: each depth needs its own. With one rate for all you compare rates, not depths.",
        NB09,
    ),
    Question(
        "report two",
        "A study has two objectives, accuracy and size. trial.report(accuracy, step)",
        (
            "is used for pruning by the first objective",
            "raises NotImplementedError",
            "is ignored",
            "needs both values as a tuple",
        ),
        1,
        "Optuna does not prune with several objectives. Make one of them a constraint, or stop on your own.",
        NB10,
    ),
    Question(
        "resume",
        "A study in a database was run with RandomSampler(seed=0). You resume it with RandomSampler(seed=0). The new "
        "trials",
        (
            "go on where the random numbers stopped",
            "differ, as the study knows its old trials",
            "repeat the draws of the first run",
            "raise a warning about duplicates",
        ),
        2,
        "A new sampler starts its seed anew. Give the resumed run another seed, or pickle the sampler.",
        NB11,
    ),
)

EARLY = ("knows", "optimism", "log", "luck", "pruned best", "workers", "killed", "dummy", "fair", "resume")
ASKED_BEFORE = tuple(question for question in QUESTIONS if question.key in EARLY)
