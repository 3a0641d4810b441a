"""One step a command: a straight line of calls into the rooms."""
