"""The whole: a task, its runs, and one step a command."""
