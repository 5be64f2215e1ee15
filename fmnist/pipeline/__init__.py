"""The stages of ``fmnist run``, the plan of its time, the job that puts them in order."""
