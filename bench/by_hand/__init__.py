"""Functions as somebody would write them by hand: batchbell's calls and nothing else, the floor of a cold start."""
