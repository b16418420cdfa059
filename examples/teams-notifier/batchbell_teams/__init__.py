"""Microsoft Teams through the webhook of a Power Automate workflow."""
