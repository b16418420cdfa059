"""Stack config as validated, frozen settings. All mistakes are reported at once."""
