"""What a finished study tells: confirmation on fresh seeds, parameter importance."""
