"""Deploys Pulumi programs to local AWS, without Pulumi's engine (`monitor`) or as its AWS provider (`provider`)."""
