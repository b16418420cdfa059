"""The settings of batchbell's own notifiers, and what they ask for at deploy time."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

import pulumi
import pytest
from pydantic import ValidationError

from batchbell.provisioning import Context, Grants, SecretShape
from notifiers.email import infrastructure as email
from notifiers.slack import infrastructure as slack
from notifiers.sns import infrastructure as sns

CONTEXT = Context("batchbell", "aws-us-gov", "us-gov-west-1", "123456789012", {"team": "data"})
TOPIC = "arn:aws:sns:eu-west-1:123456789012:ops"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
MAIL: dict[str, Any] = {"sender": "batch@example.com", "recipients": ["team@example.com"]}


def provision(module: ModuleType, **settings: Any) -> Grants:
    grants: Grants = module.provision(
        "ops", module.Settings(**settings), opts=pulumi.ResourceOptions(), context=CONTEXT
    )
    return grants


class Made:
    """A resource that only records its arguments."""

    arn = "arn:aws:sns:eu-west-1:123456789012:made"
    calls: list[tuple[str, dict[str, Any]]]

    def __init__(self, name: str, **arguments: Any) -> None:
        self.calls.append((name, arguments))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    calls: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(Made, "calls", calls, raising=False)
    monkeypatch.setattr("pulumi_aws.sns.Topic", Made)
    return calls


def test_slack_needs_its_webhook_and_no_permissions() -> None:
    grants = provision(slack, webhook={"config": "slackWebhook"})
    assert grants.secrets["webhook"].config == "slackWebhook"
    assert not grants.statements
    assert slack.REQUIRES == ("requests",)


def test_a_bot_token_gets_progress_and_needs_its_channel() -> None:
    mentions = {"alice": ["U0123456789"]}
    grants = provision(slack, token={"config": "slackToken"}, channel="C0123456789", mentions=mentions)
    assert grants.progress
    chosen = slack.Settings.model_validate({"token": {"config": "slackToken"}, "channel": "C0123456789"})
    assert chosen.shows_progress
    assert grants.secrets["token"].config == "slackToken"
    assert not grants.statements
    assert grants.settings == {
        "channel": "C0123456789",
        "mentions": mentions,
        "mention_statuses": ["FAILED"],
    }
    assert provision(slack, token={"config": "t"}, channel="G0123456789", api="https://slack-gov.com/api").settings == {
        "channel": "G0123456789",
        "api": "https://slack-gov.com/api",
    }


def test_a_webhook_gets_no_progress() -> None:
    assert not provision(slack, webhook={"config": "slackWebhook"}).progress
    assert not slack.Settings.model_validate({"webhook": {"config": "slackWebhook"}}).shows_progress


@pytest.mark.parametrize("webhook", ["https://hooks.slack.com/services/T0/B0/SECRET", {"config": "a", "ssm": "b"}, {}])
def test_a_webhook_that_is_not_a_reference_is_refused_without_showing_it(webhook: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        slack.Settings(webhook=webhook)
    assert "SECRET" not in str(caught.value)


def test_a_webhooks_shape_is_checked_at_deploy_time() -> None:
    (shape,) = (item for item in slack.Settings.model_fields["webhook"].metadata if isinstance(item, SecretShape))
    assert shape.problem("https://example.com/SECRET") is not None
    assert shape.problem("https://hooks.slack.com/services/T0/B0/x") is None


def test_a_tokens_shape_is_checked_at_deploy_time() -> None:
    (shape,) = (item for item in slack.Settings.model_fields["token"].metadata if isinstance(item, SecretShape))
    assert shape.problem("xoxp-1234567890-SECRET") is not None
    assert shape.problem("xoxb-1234567890-1234567890-abcdef") is None


@pytest.mark.parametrize("sender", ["batch@example.com", "Batch <batch@example.com>", "Bjørn P. <batch@example.com>"])
def test_mail_may_be_sent_only_as_its_sender(sender: str) -> None:
    grants = provision(email, **MAIL | {"sender": sender})
    (statement,) = grants.statements
    assert statement.actions == ["ses:SendEmail", "ses:SendRawEmail"]
    assert statement.resources == [
        "arn:aws-us-gov:ses:us-gov-west-1:123456789012:identity/*",
        "arn:aws-us-gov:ses:us-gov-west-1:123456789012:configuration-set/*",
    ]
    assert statement.condition == {"StringEquals": {"ses:FromAddress": "batch@example.com"}}
    assert grants.settings == {"sender": sender, "recipients": ["team@example.com"]}


@pytest.mark.parametrize(
    "address",
    ["", "batch", "batch@", "@example.com", "batch@localhost", "a b@example.com", "a@example.com, b@example.com",
     "a@example.com\r\nBcc: b@example.com", "a@-example.com", "<a@example.com>", 'A" <a@example.com>',
     "a@b@example.com"],
)  # fmt: skip
def test_a_value_that_is_not_an_address_is_refused(address: str) -> None:
    for settings in ({"sender": address}, {"recipients": ["team@example.com", address]}):
        with pytest.raises(ValidationError, match="takes an e-mail address"):
            email.Settings(**MAIL | settings)


IDENTITY = "arn:aws:ses:eu-west-1:999999999999:identity/example.com"


def test_mail_of_another_region_set_and_account_needs_the_rights_there() -> None:
    grants = provision(email, **MAIL, region="eu-west-1", configuration_set="transactional", identity_arn=IDENTITY)
    (statement,) = grants.statements
    assert statement.resources == [
        "arn:aws-us-gov:ses:eu-west-1:123456789012:identity/*",
        "arn:aws-us-gov:ses:eu-west-1:123456789012:configuration-set/transactional",
        IDENTITY,
    ]
    assert statement.condition == {"StringEquals": {"ses:FromAddress": "batch@example.com"}}
    assert grants.settings == {
        **MAIL,
        "region": "eu-west-1",
        "configuration_set": "transactional",
        "identity_arn": IDENTITY,
    }


def test_an_identity_is_used_in_its_own_region() -> None:
    """SES Developer Guide, "Sending emails for the identity owner"."""
    grants = provision(email, **MAIL, identity_arn=IDENTITY)
    assert grants.settings["region"] == "eu-west-1"
    assert grants.statements[0].resources[0] == "arn:aws-us-gov:ses:eu-west-1:123456789012:identity/*"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"region": "Ireland"}, "takes the name of a region"),
        ({"region": ""}, "takes the name of a region"),
        ({"configuration_set": "a set"}, "takes a name of 1 to 64 letters"),
        ({"configuration_set": "x" * 65}, "takes a name of 1 to 64 letters"),
        ({"identity_arn": "example.com"}, "takes the ARN of an SES identity"),
        ({"identity_arn": "arn:aws:ses:eu-west-1:999999999999:identity/*"}, "takes the ARN of an SES identity"),
        ({"identity_arn": "arn:aws:ses:*:999999999999:identity/example.com"}, "takes the ARN of an SES identity"),
        ({"identity_arn": "arn:aws:sns:eu-west-1:999999999999:example.com"}, "takes the ARN of an SES identity"),
        ({"identity_arn": IDENTITY, "region": "us-east-1"}, "takes an identity in us-east-1"),
        ({"identity_arn": IDENTITY.replace("example", "ample")}, "takes an identity that covers the sender"),
        ({"identity_arn": IDENTITY.replace("/", "/team@")}, "takes an identity that covers the sender"),
    ],
)
def test_a_wrong_place_of_ses_is_refused(settings: dict[str, str], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        email.Settings(**MAIL | settings)


@pytest.mark.parametrize("identity", ["batch@mail.example.com", "mail.example.com", "Example.com"])
def test_an_identity_covers_its_address_or_its_domain_and_what_is_below(identity: str) -> None:
    arn = IDENTITY.replace("example.com", identity)
    settings = email.Settings(**MAIL | {"sender": "Batch <batch@mail.example.com>", "identity_arn": arn})
    assert settings.identity_arn == arn


@pytest.mark.parametrize("recipients", [[], ["team@example.com"] * 51, "team@example.com", None])
def test_recipients_are_a_list_of_1_to_50(recipients: Any) -> None:
    with pytest.raises(ValidationError):
        email.Settings(**MAIL | {"recipients": recipients})


def test_a_given_topic_is_the_only_one_that_may_be_published_to() -> None:
    grants = provision(sns, topic_arn=TOPIC)
    assert [(statement.actions, statement.resources) for statement in grants.statements] == [(["sns:Publish"], [TOPIC])]
    assert grants.settings == grants.outputs == {"topic_arn": TOPIC}


def test_without_a_topic_one_is_created(made: list[Any]) -> None:
    grants = provision(sns, kms_key_arn=KEY)
    ((name, arguments),) = made
    assert name == "batchbell-ops"
    assert arguments["kms_master_key_id"] == KEY
    assert grants.settings["topic_arn"] == Made.arn
    assert grants.statements[0].resources == [Made.arn]


def test_an_encrypted_topic_needs_its_key() -> None:
    statement = provision(sns, topic_arn=TOPIC, kms_key_arn=KEY).statements[1]
    assert statement.actions == ["kms:GenerateDataKey", "kms:Decrypt"]
    assert statement.resources == [KEY]


BAD_TOPICS = (
    ("ops", "ARN of a topic"),
    ("arn:aws:sqs:eu-west-1:123456789012:ops", "ARN of a topic"),
    (f"{TOPIC}.fifo", "FIFO"),
    (f"{TOPIC}:6b0e71bd-7e97-4d97-80ce-4a0994e55286", "ARN of a topic"),
    ("arn:aws:sns:eu-west-1:12:ops", "ARN of a topic"),
)


@pytest.mark.parametrize(("arn", "reason"), BAD_TOPICS)
def test_a_value_that_is_not_a_standard_topic_is_refused(arn: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        sns.Settings(topic_arn=arn)


@pytest.mark.parametrize(("arn", "reason"), BAD_TOPICS)
def test_a_topic_that_is_known_later_is_checked_then(arn: str, reason: str) -> None:
    async def resolve() -> Any:
        return await provision(sns, topic_arn=pulumi.Output.from_input(arn)).settings["topic_arn"].future()

    with pytest.raises(pulumi.RunError, match=f"notifier ops: topic_arn: takes .*{reason}"):
        asyncio.run(resolve())


def test_a_valid_topic_that_is_known_later_is_accepted() -> None:
    async def resolve() -> Any:
        return await provision(sns, topic_arn=pulumi.Output.from_input(TOPIC)).settings["topic_arn"].future()

    assert asyncio.run(resolve()) == TOPIC


BAD_KEYS = ("alias/aws/sns", "arn:aws:kms:eu-west-1:123456789012:alias/sns", KEY.rpartition("/")[0] + "/*", TOPIC)


@pytest.mark.parametrize("arn", BAD_KEYS)
def test_a_key_must_be_the_arn_of_a_kms_key_and_not_an_alias(arn: str) -> None:
    """IAM does not accept an alias as a resource."""
    with pytest.raises(ValidationError, match="takes the ARN of a KMS key"):
        sns.Settings(kms_key_arn=arn)


@pytest.mark.parametrize("arn", BAD_KEYS)
def test_a_key_that_is_known_later_is_checked_then(arn: str) -> None:
    async def resolve() -> Any:
        grants = provision(sns, topic_arn=TOPIC, kms_key_arn=pulumi.Output.from_input(arn))
        return await pulumi.Output.from_input(grants.statements[1].resources[0]).future()

    with pytest.raises(pulumi.RunError, match="notifier ops: kms_key_arn: takes the ARN of a KMS key"):
        asyncio.run(resolve())


def test_email_does_not_create_an_identity() -> None:
    """A second entry with the same sender, or a sender that SES knows already, would fail the deployment."""
    with pytest.raises(ValidationError, match="create_identity"):
        email.Settings(**MAIL | {"create_identity": True})


@pytest.mark.parametrize("module", [slack, email, sns])
def test_an_unknown_key_is_refused(module: Any) -> None:
    with pytest.raises(ValidationError, match="chanel"):
        module.Settings(**MAIL if module is email else {}, chanel="#ops")
