"""Functions as somebody would write them by hand, with batchbell's calls and nothing else: the floor of a cold start."""
