"""AWS's list prices in us-east-1, in dollars, without free tiers.

Sources: the page named beside each price, in copies stored in 2025 and 2026; looked up in November 2026.
"""

from __future__ import annotations

DAYS_A_MONTH = 30

LAMBDA_REQUEST = 0.20 / 1e6  # aws.amazon.com/lambda/pricing
LAMBDA_GB_SECOND = 0.0000133334  # the same page: arm64, the stack's default
SQS_REQUEST = 0.40 / 1e6  # aws.amazon.com/sqs/pricing: standard queues, up to 64 KB a request
DYNAMODB_WRITE = 0.625 / 1e6  # aws.amazon.com/dynamodb/pricing/on-demand: a write request unit
DYNAMODB_READ = 0.125 / 1e6  # the same page: a read request unit, one strongly consistent read of up to 4 KB
EVENT = 1.00 / 1e6  # aws.amazon.com/eventbridge/pricing: a custom event; a schedule's may cost less
SNS_PUBLISH = 0.50 / 1e6  # aws.amazon.com/sns/pricing
SES_MAIL = 0.10 / 1e3  # aws.amazon.com/ses/pricing: per recipient
LOGS_GB = 0.50  # aws.amazon.com/cloudwatch/pricing: ingested
METRIC_MONTH = 0.30  # the same page: a custom metric, prorated by the hours in which it has data
# The same page: for each metric that a standard alarm watches. Metric math over two metrics costs as much as two
# alarms, a composite alarm $0.50 on top of those that it joins.
ALARM_MONTH = 0.10

# Matched events of AWS services, their delivery to SQS, and standard SSM parameters cost nothing.
# Per mapping at rest, with and without a maximum concurrency (Lambda Developer Guide, "Configuring scaling behavior for
# SQS event source mappings": it scales back to 5, and without a maximum to "as few as 2").
POLLERS_CAPPED = 5
POLLERS = 2
POLLS_A_DAY = 24 * 3600 // 20  # per poller: a long poll takes 20 s at most (SQS Developer Guide, "Long polling")
