"""The command line: commands, options, settings, and everything printed."""
