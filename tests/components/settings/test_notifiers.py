"""The list of notifiers: settings that all entries have, and their secrets."""

from __future__ import annotations

import pulumi
import pytest

from batchbell.provisioning import Context
from components.settings.mistakes import InvalidSettings
from components.settings.model import check_settings

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
MAIL = {"type": "email", "name": "team", "sender": "batch@example.com", "recipients": ["a@example.com"]}
SLACK = {"type": "slack", "name": "ops", "webhook": {"config": "slackWebhook"}}
WEBHOOK = "https://hooks.slack.com/services/T0000/B0000/notarealtoken"
PARAMETER = "arn:aws:ssm:us-east-1:123456789012:parameter/batchbell/slack"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:slack-a1B2c3"
TOKEN = {"secretsmanager": SECRET}
BOT = {"type": "slack", "name": "ops", "token": TOKEN, "channel": "C0123456789"}
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
HERE = Context("nightly", "aws", "us-east-1", "123456789012")


def check(*notifiers, secrets=None, context=HERE, prefix="batchbell:", **raw):
    given = {"notifiers": list(notifiers), "job_queue_arns": [QUEUE]} | raw
    return check_settings(given, secrets=secrets or {}, context=context, prefix=prefix)


def mistakes(*notifiers, **more):
    with pytest.raises(InvalidSettings) as invalid:
        check(*notifiers, **more)
    return [str(mistake) for mistake in invalid.value.mistakes]


def only_mistake(*notifiers, **more):
    (mistake,) = mistakes(*notifiers, **more)
    return mistake


@pytest.mark.parametrize(
    ("notifiers", "reported"),
    [
        ([], "notifiers: nobody would get messages; takes a list of at least one object, for example {type: email"),
        (["slack"], "notifiers[0]: got 'slack'; takes an object, for example {type: email"),
        ([MAIL | {"type": "emial"}], "notifiers[0].type: got 'emial', which is not a notifier; did you mean"),
        ([MAIL, MAIL], "notifiers[1].name: got 'team', which notifiers[0] already has; takes a unique name"),
        ([MAIL | {"name": "a b"}], "notifiers[0].name: got 'a b'; takes 1 to 39 letters, digits, - and _, for example"),
        ([MAIL | {"name": "x" * 40}], "notifiers[0].name: got a string of 40 characters; takes 1 to 39 letters"),
        ([MAIL | {"statuses": ["DONE"]}], "notifiers[0].statuses[0]: got 'DONE'; takes one of PENDING, RUNNABLE"),
        (
            [MAIL | {"statuses": ["SUBMITTED"]}],
            "notifiers[0].statuses[0]: got 'SUBMITTED', for which AWS Batch sends no event; the first state with one",
        ),
        ([MAIL | {"statuses": []}], "notifiers[0].statuses: got an empty list; takes at least one item (without this"),
        ([MAIL | {"statuses": False}], "notifiers[0].statuses: got false; takes a list of PENDING, RUNNABLE"),
        ([MAIL | {"jobs": "nightly"}], "notifiers[0].jobs: got 'nightly'; takes a list of job name patterns"),
        ([MAIL | {"jobs": []}], "notifiers[0].jobs: got an empty list; takes at least one item"),
        ([MAIL | {"jobs": False}], "notifiers[0].jobs: got false; takes a list of job name patterns"),
        ([MAIL | {"jobs": ["a", " "]}], "notifiers[0].jobs[1]: got ' '; takes a pattern that a job's name can match"),
        *(
            (
                [MAIL | {"digest_after": number}],
                f"notifiers[0].digest_after: got {shown}; takes a whole number from 1 to 100, or 0 for never, for",
            )
            for number, shown in ((-1, "-1"), (101, "101"), (2.5, "2.5"), ("5", "'5'"), (True, "true"))
        ),
        ([MAIL | {"digest": 5}], "notifiers[0].digest: no such setting; did you mean digest_after?"),
        ([MAIL | {"sender": "x"}], "notifiers[0].sender: got 'x'; takes an e-mail address, or Name <address>, for"),
        ([MAIL | {"recipients": ["x"]}], "notifiers[0].recipients[0]: got 'x'; takes an e-mail address, for example"),
        ([MAIL | {"recipients": [7]}], "notifiers[0].recipients[0]: got 7; takes an e-mail address, for example"),
        ([MAIL | {"recipients": []}], "notifiers[0].recipients: got an empty list; takes a list of 1 to 50 e-mail"),
        ([MAIL | {"recipients": "a"}], "notifiers[0].recipients: got 'a'; takes a list of 1 to 50 e-mail"),
        ([MAIL | {"recipient": "x"}], "notifiers[0].recipient: no such setting; did you mean recipients?"),
        ([MAIL | {"status": ["FAILED"]}], "notifiers[0].status: no such setting; did you mean statuses?"),
        ([{"type": "slack", "name": "a"}], "notifiers[0]: has neither webhook nor token; for example webhook: {config"),
        ([BOT | {"webhook": TOKEN}], "notifiers[0]: has webhook and token; give one of them: a webhook, or a token"),
        ([SLACK | {"webhook": TOKEN, "channel": "C012345"}], "notifiers[0]: has channel without token; a webhook"),
        ([BOT | {"channel": "#ops"}], "notifiers[0].channel: got '#ops'; takes the id of a channel (C… or G…), which"),
        ([BOT | {"api": "https://x.com"}], "notifiers[0].api: got a string of 13 characters; takes https://slack.com/api"),
        ([{"type": "slack", "name": "a", "token": TOKEN}], "notifiers[0]: has token without channel: the id of the"),
        ([{"type": "sns", "name": "a", "topic_arn": "x"}], "notifiers[0].topic_arn: got 'x'; takes the ARN of a topic"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_with_its_path_the_value_what_it_takes_and_an_example(notifiers, reported):
    assert only_mistake(*notifiers).startswith(f"batchbell:{reported}")


def test_a_name_may_have_39_characters():
    assert check(MAIL | {"name": "x" * 39}).notifiers[0].name == "x" * 39


def digest_after(notifier):
    return check(notifier, secrets={"slackWebhook": WEBHOOK}).notifiers[0].digest_after


def test_by_default_people_get_more_than_five_messages_at_once_as_a_digest_and_topics_never_do():
    topic = {"type": "sns", "name": "chatops"}

    assert [digest_after(one) for one in (SLACK, MAIL, topic)] == [5, 5, 0]
    assert [digest_after(one | {"digest_after": 100}) for one in (SLACK, MAIL, topic)] == [100, 100, 100]
    assert digest_after(SLACK | {"digest_after": 0}) == 0


@pytest.mark.parametrize(("own", "number"), [(0, 0), (1, 1), (100, 100)])
def test_a_notifier_type_may_have_its_own_default(monkeypatch, own, number):
    monkeypatch.setattr("notifiers.email.infrastructure.DIGEST_AFTER", own, raising=False)

    assert digest_after(MAIL) == number
    assert digest_after(MAIL | {"digest_after": 7}) == 7


@pytest.mark.parametrize("own", ["5", 5.0, True, None, -1, 101])
def test_a_wrong_default_of_a_notifier_type_is_reported_for_that_type(monkeypatch, own):
    monkeypatch.setattr("notifiers.email.infrastructure.DIGEST_AFTER", own, raising=False)
    reported = only_mistake(MAIL)

    assert reported.startswith("batchbell:notifiers[0].type: notifier email (folder notifiers/email): DIGEST_AFTER in ")
    assert "must be a whole number from 1 to 100, or 0 for never" in reported


def test_notifiers_that_are_not_a_list_are_reported_in_plain_words():
    assert "notifiers: got 'slack'; takes a list of objects, for example {" in only_mistake(notifiers="slack")


@pytest.mark.parametrize(("statuses", "number"), [(["RUNNING"], 0), (["FAILED", "RUNNING"], 1)])
def test_a_status_that_the_rule_never_lets_through_is_refused(statuses, number):
    assert only_mistake(MAIL | {"statuses": statuses}) == (
        f"batchbell:notifiers[0].statuses[{number}]: got 'RUNNING', which the stack's rules never let through; takes "
        "one of SUCCEEDED, FAILED, BLOCKED"
    )


def test_a_notifiers_statuses_must_be_among_the_stacks():
    reported = only_mistake(MAIL | {"statuses": ["SUCCEEDED"]}, statuses=["FAILED"])
    taken = check(MAIL | {"statuses": ["RUNNING"]}, statuses=["RUNNING", "FAILED"], single_jobs=True)

    assert reported.endswith("got 'SUCCEEDED', which the stack's rules never let through; takes one of FAILED, BLOCKED")
    assert taken.notifiers[0].statuses == ("RUNNING",)


def test_a_notifiers_statuses_are_not_compared_with_wrong_statuses_of_the_stack():
    assert only_mistake(MAIL | {"statuses": ["SUCCEEDED"]}, statuses=["FAILD"]).startswith("batchbell:statuses[0]: got")


@pytest.mark.parametrize("pattern", ["nightly jobs", "[", "-*"])
def test_a_pattern_that_no_jobs_name_can_match_is_refused(pattern):
    assert only_mistake(MAIL | {"jobs": ["nightly-*", pattern]}) == (
        f"batchbell:notifiers[0].jobs[1]: got '{pattern}'; takes a pattern that a job's name can match (1 to 128 "
        "letters, digits, - and _, the first a letter or digit), for example nightly-*"
    )


def test_a_notifier_may_report_blocked_queues_only_unless_the_stack_reports_none():
    on_call = MAIL | {"statuses": ["BLOCKED"]}

    assert check(on_call).notifiers[0].statuses == ("BLOCKED",)
    assert "got 'BLOCKED', which the stack's rules never let through" in only_mistake(on_call, queue_blocked=False)


@pytest.mark.parametrize(
    "webhook",
    [
        WEBHOOK,
        *({key: WEBHOOK} for key in ("value", "secret", "secure", "fn::secret", "config")),
        {"secret": "NAME"},
        {"secure": {"a": "b"}},
        {"config": 7},
        ["x"],
    ],
)
def test_a_plain_secret_in_stack_config_is_refused_with_the_command_and_never_shown(webhook):
    reported = only_mistake(SLACK | {"webhook": webhook})

    assert "a secret is never written in plain: run `pulumi config set --secret NAME`" in reported
    assert "notarealtoken" not in reported


@pytest.mark.parametrize(
    "webhook", [None, {}, {"ssm": "/slack"}, {"config": "a", "ssm": PARAMETER}, {"smm": "x"}, {"vale": "x"}, 7]
)
def test_a_malformed_reference_is_refused_and_value_is_not_advertised(webhook):
    reported = mistakes(SLACK | {"webhook": webhook})

    assert all("notifiers[0].webhook" in one for one in reported)
    assert not any(" value," in one or "mean value" in one for one in reported)


@pytest.mark.parametrize("form", ["ssm", "secretsmanager", "kms_key_arn", "config", "value"])
@pytest.mark.parametrize("prefix", ["batchbell:", ""])
def test_a_secret_in_the_wrong_field_of_a_reference_is_not_shown(form, prefix):
    assert "hunter2" not in "\n".join(mistakes(SLACK | {"webhook": {form: "hunter2 "}}, prefix=prefix))


@pytest.mark.parametrize("value", [7, ["x"], {"a": "b"}, True])
def test_a_secret_from_a_program_must_be_an_output_or_a_string(value):
    reported = only_mistake(SLACK | {"webhook": {"value": value}}, prefix="")

    assert reported.startswith(
        "notifiers[0].webhook.value: is neither an Output nor a string; takes a secret Output, for example"
    )


def test_a_plain_secret_from_a_program_is_accepted_and_checked_at_once():
    assert check(SLACK | {"webhook": {"value": WEBHOOK}}, prefix="").notifiers[0].name == "ops"
    assert "https://hooks.slack.com" in only_mistake(SLACK | {"webhook": {"value": "https://example.com"}}, prefix="")


def test_a_secret_from_a_program_does_not_show_in_a_repr():
    assert "notarealtoken" not in repr(check(SLACK | {"webhook": {"value": WEBHOOK}}, prefix=""))


def test_a_secret_that_is_not_set_is_reported_with_the_command_that_sets_it():
    reported = only_mistake(SLACK)

    assert reported.startswith(
        "batchbell:notifiers[0].webhook.config: got 'slackWebhook', and the stack config has no such"
    )
    assert "pulumi config set --secret slackWebhook" in reported


def test_a_secret_that_is_not_set_is_reported_together_with_other_mistakes_of_its_notifier():
    assert len(mistakes(SLACK | {"chanel": "#ops", "statuses": ["DONE"]})) == 3


def test_an_invalid_secret_is_reported_without_being_shown():
    reported = only_mistake(SLACK, secrets={"slackWebhook": "https://example.com/notarealtoken"})

    assert "https://hooks.slack.com/services/" in reported
    assert "notarealtoken" not in reported


def test_a_webhook_on_this_machine_is_refused_for_a_real_aws(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    secrets = {"slackWebhook": "http://127.0.0.1:8080/services/T0/B0/x"}

    assert "this machine" in only_mistake(SLACK, secrets=secrets)


def test_unknown_secrets_are_not_checked():
    raw = {"notifiers": [SLACK], "job_queue_arns": [QUEUE]}

    assert check_settings(raw, secrets=None, context=None).notifiers[0].name == "ops"


@pytest.mark.parametrize(
    "reference",
    [
        {"ssm": PARAMETER},
        {"secretsmanager": SECRET, "kms_key_arn": KEY},
        {"ssm": PARAMETER, "kms_key_arn": KEY.replace("1234abcd", "mrk-1234abcd")},
    ],
)
def test_a_secret_that_the_function_can_read_is_accepted(reference):
    assert check(SLACK | {"webhook": reference}).notifiers[0].name == "ops"


@pytest.mark.parametrize(
    ("form", "arn"),
    [
        ("ssm", PARAMETER.replace("us-east-1", "eu-west-1")),
        ("ssm", PARAMETER.replace("parameter/", "document/")),
        ("ssm", "arn:aws:ssm:::parameter/x"),
        ("ssm", "arn:aws:ssm:us-east-1:123456789012:parameter/*"),
        ("ssm", "arn:aws:ssm:us-east-1:123456789012:parameter/slac?"),
        ("ssm", SECRET),
        ("secretsmanager", SECRET.replace("us-east-1", "eu-west-1")),
        ("secretsmanager", "arn:aws:secretsmanager:us-east-1:123456789012:secret:*"),
        ("secretsmanager", PARAMETER),
        ("kms_key_arn", KEY.replace("us-east-1", "eu-west-1")),
        ("kms_key_arn", "arn:aws:kms:us-east-1:123456789012:alias/slack"),
        ("kms_key_arn", "arn:aws:kms:us-east-1:123456789012:key/*"),
    ],
)
def test_a_secret_that_the_function_could_never_read_is_refused(form, arn):
    reference = {"ssm": PARAMETER, form: arn} if form == "kms_key_arn" else {form: arn}
    reported = only_mistake(SLACK | {"webhook": reference})

    assert reported.startswith(f"batchbell:notifiers[0].webhook.{form}: got '{arn}'; takes the ARN of a")
    assert "for example arn:aws:" in reported


@pytest.mark.usefixtures("event_loop_of_pulumi")
@pytest.mark.parametrize(
    "wrap", [lambda output: output, lambda output: {"value": output}, lambda output: {"ssm": output}]
)
def test_a_program_may_give_secrets_and_their_arns_as_outputs(wrap):
    assert check(SLACK | {"webhook": wrap(pulumi.Output.secret(WEBHOOK))}, prefix="").notifiers[0].name == "ops"


def test_a_notifier_filters_by_tags_and_shows_fewer_log_lines():
    (choice,) = check(MAIL | {"tags": {"team": ["genomics", "ml-*"]}, "log_lines": 0}).notifiers

    assert (dict(choice.tags), choice.log_lines) == ({"team": ("genomics", "ml-*")}, 0)


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"tags": {}}, "takes at least one item"),
        ({"tags": {"team": []}}, "has no pattern"),
        ({"tags": {"team": "genomics"}}, "takes a list"),
        ({"tags": ["team"]}, "takes an object of lists of patterns"),
        ({"tags": {"t" * 129: ["x"]}}, "1 to 128 characters"),
        ({"log_lines": 51}, "takes a whole number from 0 to 50"),
        ({"log_lines": -1}, "takes a whole number from 0 to 50"),
    ],
)
def test_a_filter_that_lets_nothing_through_is_refused(chosen, says):
    assert says in only_mistake(MAIL | chosen)


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"mentions": {"alice": ["@alice"]}}, "takes the id of a user"),
        ({"mentions": {"alice": []}}, "takes at least one id"),
        ({"mentions": {"alice": "U0123456789"}}, "takes a list of ids"),
        ({"mention_statuses": "FAILED"}, "takes a list of statuses"),
        ({"mention_statuses": ["failed"]}, "takes a list of SUBMITTED, PENDING"),
    ],
)
def test_a_mention_is_an_id(chosen, says):
    assert says in only_mistake(SLACK | chosen, secrets={"slackWebhook": WEBHOOK})


def test_an_owners_domain_is_a_domain():
    assert "takes a domain" in only_mistake(MAIL | {"owner_domains": ["@example.com"]})
