"""Claims, sends and commits one message by email."""

import json
import time

import boto3

TABLE = "bench"

dynamodb = boto3.client("dynamodb")
ses = boto3.client("sesv2")


def handler(event, context):
    for record in event["Records"]:
        job = json.loads(record["body"])["detail"]
        key = f"{job['jobArn']} {job['status']}"
        title = f"{job['jobName']}: {job['status']}"
        counts = job["arrayProperties"]["statusSummary"]
        text = "\n".join([title, *(f"{count} {status}" for status, count in counts.items()), job["jobQueue"]])
        if claim(key, "email", context.aws_request_id):
            mail(title, text)
            commit(key, "email", context.aws_request_id)


def mail(title, text):
    ses.send_email(
        FromEmailAddress="batch@example.com",
        Destination={"ToAddresses": ["team@example.com"]},
        Content={"Simple": {"Subject": {"Data": title}, "Body": {"Text": {"Data": text}}}},
    )


def claim(key, name, token):
    now = time.time()
    try:
        dynamodb.update_item(
            TableName=TABLE,
            Key={"message": {"S": key}, "notifier": {"S": name}},
            UpdateExpression="SET #token = :token, #until = :until, #expires = :expires",
            ConditionExpression="attribute_not_exists(#sent) AND (attribute_not_exists(#until) OR #until < :now)",
            ExpressionAttributeNames={f"#{column}": column for column in ("token", "until", "expires", "sent")},
            ExpressionAttributeValues={
                ":token": {"S": token},
                ":until": {"N": f"{now + 35}"},
                ":expires": {"N": f"{now + 60 * 86_400}"},
                ":now": {"N": f"{now}"},
            },
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def commit(key, name, token):
    dynamodb.update_item(
        TableName=TABLE,
        Key={"message": {"S": key}, "notifier": {"S": name}},
        UpdateExpression="SET #sent = :now REMOVE #token, #until",
        ConditionExpression="#token = :token",
        ExpressionAttributeNames={f"#{column}": column for column in ("token", "until", "sent")},
        ExpressionAttributeValues={":token": {"S": token}, ":now": {"N": f"{time.time()}"}},
    )
