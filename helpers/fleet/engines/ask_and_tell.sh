#!/bin/bash
# One trial for a program in any language, by the command `optuna`: ask, run the program, tell.
#   OPTUNA_STORAGE=postgresql+psycopg://... ./ask_and_tell.sh STUDY PROGRAM...
# PROGRAM gets the parameters as JSON, as its last argument, and prints the value.
set -euo pipefail
export PYTHONWARNINGS=ignore  # both commands are experimental, and say so
study=$1 && shift
space='{"C": {"name": "FloatDistribution", "attributes": {"low": 0.01, "high": 100, "log": true}},
    "gamma": {"name": "FloatDistribution", "attributes": {"low": 1e-5, "high": 0.1, "log": true}}}'
asked=$(optuna ask --quiet --study-name "$study" --search-space "$space" --format json)
number=$(sed -E 's/.*"number": ([0-9]+).*/\1/' <<< "$asked")  # {"number": 7, "params": {"C": 1.5, "gamma": 0.01}}
tell=(optuna tell --quiet --study-name "$study" --trial-number "$number")
trap '"${tell[@]}" --state fail' EXIT  # whatever happens: nothing else would end this trial
value=$("$@" "$(sed -E 's/.*"params": (.*)\}$/\1/' <<< "$asked")")
"${tell[@]}" --values "$value"
trap - EXIT
