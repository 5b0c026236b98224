#!/bin/bash
# Twenty workers on one study, each a task of a SLURM array. Copy this file, fit the lines #SBATCH to your cluster, and:
#   export OPTUNA_STORAGE=postgresql+psycopg://optuna@db.example.org/optuna   # the password lies in ~/.pgpass, mode 600
#   sbatch slurm_array.sh --study letters --objective training:objective --total 500 --heartbeat 60
# A GPU for each worker: add a line "#SBATCH --gpus=1". Each sees its own alone.
#SBATCH --job-name=learn-optuna
#SBATCH --array=0-19
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=01:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=worker-%A-%a.log
set -euo pipefail
: "${OPTUNA_STORAGE:?export the URL of the storage before sbatch}"
export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-1}"  # PyTorch would start a thread for every core of the node
echo "task ${SLURM_ARRAY_TASK_ID:?start me with sbatch} on $(hostname)"
# exec: the SIGTERM two minutes before the end reaches the worker.
exec "${PYTHON:-python}" -m helpers.worker --storage "$OPTUNA_STORAGE" "$@"
