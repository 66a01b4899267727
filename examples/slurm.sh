#!/bin/sh
#SBATCH --job-name=docphim
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --requeue
# One training over several machines of a Slurm cluster:
#
#   sbatch --nodes=8 --gpus-per-node=8 examples/slurm.sh RECIPE [--set key=value …]
#
# A job that is stopped, or meets its time limit, goes on from its last checkpoint when it is queued again; on another number of
# machines too, if that still divides train.accumulate x train.processes.
set -eu
export NODES="$SLURM_NNODES" GPUS="$SLURM_GPUS_ON_NODE" JOB="$SLURM_JOB_ID"
HEAD=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export HEAD
exec srun --kill-on-bad-exit=1 "$SLURM_SUBMIT_DIR/examples/torchrun.sh" "$@"
