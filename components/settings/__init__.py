"""Stack config as validated, frozen settings: every mistake is reported at once."""
