"""Amazon SNS: one topic, many kinds of subscribers."""
