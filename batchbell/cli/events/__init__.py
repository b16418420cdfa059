"""Events that an operator hands over, held against the rules of a stack."""
