#!/bin/bash
#SBATCH --job-name=fmnist
#SBATCH --ntasks=8
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=2G
#SBATCH --time=08:30:00
# One coordinator and seven workers: sbatch slurm.sh
export STORAGE="--storage-file $HOME/.fmnist-storage"
srun bash -c 'if [ "$SLURM_PROCID" = 0 ]
then exec fmnist run --time 8h --name night --quiet $STORAGE
else exec fmnist worker --study night --quiet $STORAGE
fi'
