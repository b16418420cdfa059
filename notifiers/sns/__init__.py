"""Amazon SNS: one topic with many kinds of subscribers."""
