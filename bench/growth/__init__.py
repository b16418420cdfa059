"""Measures how batchbell grows: one axis a file, from one of a kind to as many as a large stack has."""
