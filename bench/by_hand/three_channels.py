"""Claims, sends and commits one message on Slack, by email and on SNS at the same time; Slack's webhook is a secret."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import requests

TABLE = "bench"
TOPIC = "arn:aws:sns:us-east-1:123456789012:bench"
WEBHOOK = "arn:aws:ssm:us-east-1:123456789012:parameter/bench/webhook"

dynamodb = boto3.client("dynamodb")
ssm = boto3.client("ssm")
ses = boto3.client("sesv2")
sns = boto3.client("sns")


def handler(event, context):
    for record in event["Records"]:
        job = json.loads(record["body"])["detail"]
        key = f"{job['jobArn']} {job['status']}"
        title = f"{job['jobName']}: {job['status']}"
        counts = job["arrayProperties"]["statusSummary"]
        text = "\n".join([title, *(f"{count} {status}" for status, count in counts.items()), job["jobQueue"]])

        def deliver(name, send, *, key=key, title=title, text=text, token=context.aws_request_id):
            if claim(key, name, token):
                send(title, text)
                commit(key, name, token)

        with ThreadPoolExecutor(3) as threads:
            list(threads.map(deliver, ("slack", "email", "sns"), (post, mail, publish)))


def post(title, text):
    url = ssm.get_parameter(Name=WEBHOOK, WithDecryption=True)["Parameter"]["Value"]
    payload = {"text": title, "blocks": [{"type": "section", "text": {"type": "plain_text", "text": text}}]}
    requests.post(url, data=json.dumps(payload), timeout=5).raise_for_status()


def mail(title, text):
    ses.send_email(
        FromEmailAddress="batch@example.com",
        Destination={"ToAddresses": ["team@example.com"]},
        Content={"Simple": {"Subject": {"Data": title}, "Body": {"Text": {"Data": text}}}},
    )


def publish(title, text):
    sns.publish(TopicArn=TOPIC, Subject=title, Message=text)


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
