"""Programs that `make` runs for the maintainers of this project."""
