"""What people read: a composer for each kind of message, and what they share."""
