"""Exercise 11.1: training code and search code apart. The import graph is read, then both are really run."""

from __future__ import annotations

import ast
import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import optuna

from helpers.exercises import apart_run
from helpers.learn.exercises import NotQuite, exercise
from helpers.learn.import_graph import import_graph, parents, reachable

FILES, SECONDS = ("training.py", "search.py"), 60
OPTUNA_METHODS = ("suggest_float", "suggest_int", "suggest_categorical", "report", "should_prune")
TRICKS = ("__import__", "importlib", "exec", "eval", "sys.modules")


@exercise("11.1")
def apart(parts: object, before: optuna.Study) -> str:
    """The arrows, then the values: as `before`, the study of the tangled script, had them."""
    if not isinstance(parts, Mapping) or set(parts) != set(FILES):
        raise NotQuite('the answer is a dictionary with the keys "training.py" and "search.py": keep them.')
    if not all(isinstance(text, str) for text in parts.values()):
        raise NotQuite("the answers are the texts of the two files, each in triple quotes.")
    with TemporaryDirectory() as folder:
        project = Path(folder, "project")
        project.mkdir()
        (project / "__init__.py").touch()
        for name in FILES:
            (project / name).write_text(parts[name], encoding="utf-8")
        _check_source(parts)
        _check_arrows(project)
        found = _run(folder)
    _check_training(found)
    _check_search(found, before)
    return f"training.py ran where Optuna cannot be imported, and the first {apart_run.TRIALS} trials are the script's."


def _check_source(parts: Mapping[str, str]) -> None:
    """What no import tells: tricks, trials under any name, and training that stayed behind."""
    trees = {}
    for name in FILES:
        try:
            trees[name] = list(ast.walk(ast.parse(parts[name])))
        except (SyntaxError, ValueError) as error:
            raise NotQuite(f"{name} is not Python: {error}.") from None
    names = {ast.unparse(node) for node in trees["training.py"] if isinstance(node, ast.Name | ast.Attribute)}
    names |= {alias.name for node in trees["training.py"] if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in trees["training.py"] if isinstance(node, ast.ImportFrom) and node.module}
    if tricks := [trick for trick in TRICKS if trick in {part for name in names for part in (name, *parents(name))}]:
        raise NotQuite(f"training.py uses {tricks[0]}: a hidden import is still an import. Do without.")
    calls = {node.attr for node in trees["training.py"] if isinstance(node, ast.Attribute)}
    arguments = {node.arg for node in trees["training.py"] if isinstance(node, ast.arg)}
    if "trial" in arguments or (asked := calls.intersection(OPTUNA_METHODS)):
        what = "takes a trial" if "trial" in arguments else f"calls .{sorted(asked)[0]}()"
        raise NotQuite(f"training.py {what}, so it needs Optuna's trial: take a config, and yield accuracies.")
    if "partial_fit" in {node.attr for node in trees["search.py"] if isinstance(node, ast.Attribute)}:
        raise NotQuite("search.py still trains: partial_fit belongs in training.py.")


def _check_arrows(project: Path) -> None:
    """search imports training; training imports neither search nor Optuna, at any remove."""
    graph = import_graph(project)
    trained, searched = (reachable(graph, [f"project.{name}"]) for name in ("training", "search"))
    if any(name.partition(".")[0] == "optuna" for name in graph["project.training"]):
        raise NotQuite("training.py imports optuna; inside a function counts, too. Only search.py may.")
    if trained & {"project.search", "search"}:
        raise NotQuite("training.py imports search.py: the arrow goes the other way, or they run in a circle.")
    if searched & {"training", "search"}:
        raise NotQuite("the two lie in a package named project: write `from project.training import load_data, train`.")
    if "project.training" not in searched:
        raise NotQuite("search.py does not import training.py: write `from project.training import load_data, train`.")
    if not any(name.partition(".")[0] == "optuna" for name in searched):
        raise NotQuite("nobody imports optuna any more: search.py makes the study.")


def _run(folder: str) -> dict:
    """What `apart_run` found, in a process of its own."""
    result = Path(folder, "result.json")
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "-B", apart_run.__file__, folder, str(result)]
    try:
        subprocess.run(command, timeout=SECONDS, capture_output=True, env=os.environ | threads, cwd=folder)
    except subprocess.TimeoutExpired:
        raise NotQuite(f"it did not end within {SECONDS} seconds: does train() stop after five epochs?") from None
    if not result.exists():
        raise NotQuite("the process that ran it died before it could say anything.")
    found = json.loads(result.read_text(encoding="utf-8"))
    if found["asked"]:
        raise NotQuite(f"training.py asked for {found['asked'][0]} when it ran: it has to work without Optuna.")
    if "error" in found:
        raise NotQuite(f"{found['step']} raised {found['error']}")
    return found


def _check_training(found: Mapping) -> None:
    """Five accuracies from a generator, decided by config, data and seed."""
    if found["parts"] != ["test", "train", "validation"]:
        raise NotQuite(f'load_data gives {found["parts"]}: wanted is a dict with "train", "validation" and "test".')
    if not all(found["pairs"]):
        raise NotQuite("each part of load_data is a pair, images and as many labels: one of yours is something else.")
    if not found["generator"]:
        raise NotQuite("train() is no generator: `yield` the accuracy after each epoch, so that a search can stop it.")
    first, again, other = found["curves"]
    if len(first) != 5:
        raise NotQuite(f"train() yields {len(first)} numbers: wanted is one for each of the five epochs.")
    if first != again:
        raise NotQuite("the same config, data and seed gave two different curves: something is drawn without the seed.")
    if first == other:
        raise NotQuite("train() gives the same curve for seeds 0 and 1: the seed is still written into the code.")
    if not found["redrawn"]:
        raise NotQuite("load_data(0) and load_data(1) split alike: the seed is still written into the code.")


def _check_search(found: Mapping, before: optuna.Study) -> None:
    """Trial by trial what the script did, but for the value: the last validation accuracy."""
    if len(found["trials"]) != apart_run.TRIALS:
        raise NotQuite(f"search({apart_run.TRIALS}, 0) made {len(found['trials'])} trials.")
    if found["loads"] > 1:
        raise NotQuite(f"{apart_run.TRIALS} trials loaded the images {found['loads']} times: load before you search.")
    for number, (now, then) in enumerate(zip(found["trials"], before.trials, strict=False)):
        if now["params"] != then.params:
            raise NotQuite(
                f"trial {number} draws {now['params']}, the script {then.params}: seed the sampler with seed, and ask "
                "for the same two, in the same order."
            )
        reports, final = list(then.intermediate_values.values()), (now["reports"] or [0.0])[-1]
        if then.state.name == "COMPLETE" and final == then.value != reports[-1]:
            raise NotQuite(f"trial {number} is judged on the test images: yield the accuracy on the validation part.")
        if now["reports"] != reports[: len(now["reports"])] or not now["reports"]:
            raise NotQuite(f"trial {number} reports {now['reports']}, and the script {reports}: keep every number.")
        if now["state"] != then.state.name:
            raise NotQuite(f"trial {number} is {now['state']} and was {then.state.name}: report and prune as before.")
        if now["state"] == "COMPLETE" and not math.isclose(now["value"], reports[-1], abs_tol=1e-12):
            on_test = math.isclose(now["value"], then.values[0], abs_tol=1e-12)
            why = "the test images still choose the winner" if on_test else f"{now['value']} is neither"
            raise NotQuite(f"{why}: return the last validation accuracy that was reported.")
    if not found["kept"]:
        raise NotQuite(
            "with seed 1 search() reports other values than train() yields on load_data(1): hand the seed on."
        )
    if found["other"] == found["trials"][0]["params"]:
        raise NotQuite("search() draws the same for seeds 0 and 1: the sampler's seed is still written into the code.")
