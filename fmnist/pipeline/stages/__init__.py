"""The stages of a job. Each takes the job, reads earlier files and leaves its own."""
