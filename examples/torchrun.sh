#!/bin/sh
# One training over several machines, each of which runs this once:
#
#   NODES=8 HEAD=node-1 GPUS=8 examples/torchrun.sh RECIPE [--set key=value …]
#
# NODES: how many machines; HEAD: the first one's name or address; GPUS: how many each has.  The recipe says
# train.processes: NODES x GPUS.  The folders data/ and runs/ lie where all machines reach them.
set -eu
exec torchrun \
    --nnodes="${NODES:-1}" --nproc-per-node="${GPUS:-1}" \
    --rdzv-backend=c10d --rdzv-endpoint="${HEAD:-localhost}:${PORT:-29500}" --rdzv-id="${JOB:-docphim}" \
    --no-python docphim run "$@"
