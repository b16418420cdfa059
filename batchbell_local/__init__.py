"""AWS on this machine: MiniStack, and what it lacks for array jobs and their messages."""
