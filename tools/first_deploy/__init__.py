"""An hour on a real AWS account: deploys a small stack, tries what only AWS can settle, and removes it.

docs/first-deploy.md tells it. `python -m tools.first_deploy` runs it.
"""
