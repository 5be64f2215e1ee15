"""What is printed while a job runs and when it ends."""
