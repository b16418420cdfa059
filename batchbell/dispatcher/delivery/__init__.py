"""How a message reaches its notifiers: claimed in the ledger, sent, committed, or kept as a ticket."""
