"""Corrects MiniStack's IAM, in its process, where it allows what AWS refuses or refuses what AWS allows.

- The permission for SQS's single action allows the batch action too: there is no sqs:SendMessageBatch.
- Loopback counts as TLS, and a parameter given by ARN is checked as that parameter.
- SES v2's SendEmail is checked on the sending identity and the configuration set, with its condition keys. MiniStack
  checks it on `*` and has no `ses:` keys, so it refuses what AWS accepts: a policy for one identity, or one with
  `ses:FromAddress`.
  (Service Authorization Reference: "Amazon Simple Email Service v2".)
- A function's log lines are stored only if its role may write them, and an SQS queue is mapped to a function only if
  the role may read it and the queue's visibility timeout is at least the function's timeout. (Lambda Developer Guide:
  "Defining Lambda function permissions with an execution role"; "Using Lambda with Amazon SQS".) MiniStack checks none
  of this.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.utils import parseaddr
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.core.responses import get_account_id
from ministack.core.router import extract_region
from ministack.services import lambda_svc, ses, ses_v2, sqs

SEND_EMAIL_PATH = "/v2/email/outbound-emails"
QUEUE_READING_ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
LOG_WRITING_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")
Response = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Make this process's MiniStack check all of this as AWS does."""
    _count_loopback_as_tls()
    _check_parameters_by_arn()
    _check_batches_as_single_messages()
    _check_mail_by_identity()
    _check_logs_by_role()
    _check_mappings_by_role()


def _count_loopback_as_tls() -> None:
    """Policies that deny requests without TLS (aws:SecureTransport) protect networks, which loopback is not."""
    pin = app.pin_request_origin

    def pin_as_secure(source_ip: str, secure_transport: bool) -> None:
        pin(source_ip, True)

    app.pin_request_origin = pin_as_secure


def _check_parameters_by_arn() -> None:
    """GetParameter takes a name or an ARN; MiniStack authorises an ARN as if it were a parameter's name."""
    extract = iam_actions.extract_resource_arn

    def extract_resource_arn(*arguments: Any, **named: Any) -> str:
        arn: str = extract(*arguments, **named)
        prefix, separator, named_by_arn = arn.partition(":parameter/arn:")
        return f"arn:{named_by_arn}" if separator and prefix.startswith("arn:aws:ssm:") else arn

    iam_actions.extract_resource_arn = extract_resource_arn


def _check_batches_as_single_messages() -> None:
    """Amazon SQS Developer Guide, "Amazon SQS API permissions"."""
    extract = iam_actions.extract_iam_action

    def extract_iam_action(*arguments: Any, **named: Any) -> str | None:
        action: str | None = extract(*arguments, **named)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action

    iam_actions.extract_iam_action = extract_iam_action


def _check_mail_by_identity() -> None:
    enforce = app._enforce_ses_v2

    def enforce_ses_v2(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any], request_id: str
    ) -> Response | None:
        mail = parse_mail(body) if (method, path.rstrip("/")) == ("POST", SEND_EMAIL_PATH) else None
        if mail is None:
            refusal: Response | None = enforce(method, path, headers, body, query_params, request_id)
            return refusal
        return _enforce_send_email(mail, headers, query_params, request_id)

    app._enforce_ses_v2 = enforce_ses_v2


def _enforce_send_email(
    mail: dict[str, Any], headers: dict[str, str], query_params: dict[str, Any], request_id: str
) -> Response | None:
    """AWS's refusal; None if the caller may send the mail."""
    display_name, sender = parseaddr(str(mail.get("FromEmailAddress", "")))
    destination: dict[str, list[str]] = mail.get("Destination") or {}
    recipients = [address for addresses in destination.values() for address in addresses]
    context = {
        "ses:FromAddress": sender,
        "ses:FromDisplayName": display_name,
        "ses:Recipients": [parseaddr(address)[1] for address in recipients],
        "ses:ApiVersion": "2",
    }
    resources = [mail.get("FromEmailAddressIdentityArn") or _identity_arn(sender, headers)]
    if name := mail.get("ConfigurationSetName"):
        resources.append(_ses_arn(f"configuration-set/{name}", headers))
    refusals: Iterator[Response | None] = (
        app._enforce_data_plane(
            "sesv2",
            "ses:SendEmail",
            headers,
            query_params,
            request_id,
            resource_arn=resource,
            service_context=context,
            named_resource=resource,
        )
        for resource in resources
    )
    return next((refusal for refusal in refusals if refusal is not None), None)


def _identity_arn(sender: str, headers: dict[str, str]) -> str:
    """The sending identity: the address if it is verified, otherwise the nearest verified domain above it."""
    domain = sender.rpartition("@")[2].lower()
    labels = domain.split(".")
    candidates = [sender, *(".".join(labels[start:]) for start in range(len(labels) - 1))]
    known = [name for name in candidates if ses_v2._identities.get(name) or ses._identities.get(name)]
    return _ses_arn(f"identity/{(known or [domain])[0]}", headers)


def _ses_arn(resource: str, headers: dict[str, str]) -> str:
    return f"arn:aws:ses:{extract_region(headers)}:{get_account_id()}:{resource}"


def parse_mail(body: bytes) -> dict[str, Any] | None:
    """The parameters of SendEmail; None if they are not a JSON object."""
    try:
        mail = json.loads(body)
    except ValueError:
        return None
    return mail if isinstance(mail, dict) else None


def _check_logs_by_role() -> None:
    emit = lambda_svc._emit_lambda_logs

    def emit_if_allowed(func: dict[str, Any], *arguments: Any, **named: Any) -> None:
        config = func.get("config") or func
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        stream = f"{_arn_prefix('logs', config)}:log-group:{group}:log-stream:any"
        if all(_role_may(config, action, stream) for action in LOG_WRITING_ACTIONS):
            emit(func, *arguments, **named)

    lambda_svc._emit_lambda_logs = emit_if_allowed


def _check_mappings_by_role() -> None:
    create = lambda_svc._create_esm

    def create_if_allowed(data: dict[str, Any]) -> Response:
        refusal = _mapping_refusal(data)
        answer: Response = lambda_svc._invalid_parameter_value(refusal) if refusal else create(data)
        return answer

    lambda_svc._create_esm = create_if_allowed


def _mapping_refusal(data: dict[str, Any]) -> str:
    """AWS's text for refusing this mapping of a queue; empty if AWS accepts it, or if MiniStack refuses it itself."""
    arn = str(data.get("EventSourceArn", ""))
    _, config, _ = lambda_svc._get_func_record_for_ref(data.get("FunctionName", ""))
    if config is None or not arn.startswith("arn:aws:sqs:"):
        return ""
    for action in QUEUE_READING_ACTIONS:
        if not _role_may(config, f"sqs:{action}", arn):
            return f"The function execution role does not have permissions to call {action} on SQS"
    queue = sqs._queues.get(sqs._queue_url(arn.rpartition(":")[2]))
    if queue is None:
        return ""
    visibility, timeout = int(queue["attributes"].get("VisibilityTimeout", 30)), int(config.get("Timeout", 3))
    if visibility < timeout:
        return f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
    return ""


def _role_may(config: dict[str, Any], action: str, resource: str) -> bool:
    """Whether the function's execution role may perform the action."""
    key = lambda_runtime.execution_credentials(config)["AWS_ACCESS_KEY_ID"]
    region = config["FunctionArn"].split(":")[3]
    return iam_evaluator.enforce(key, action, action.partition(":")[0], region, resource_arn=resource) is None


def _arn_prefix(service: str, config: dict[str, Any]) -> str:
    """`arn:aws:SERVICE:REGION:ACCOUNT` of the function's region and account."""
    _, partition, _, region, account, *_ = config["FunctionArn"].split(":")
    return f"arn:{partition}:{service}:{region}:{account}"
