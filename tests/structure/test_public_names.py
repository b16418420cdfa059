"""The names that plug-ins and other programs may import. A change here belongs in the changelog."""

from __future__ import annotations

import importlib
import inspect

import pytest

PUBLIC = {
    "batchbell.contract": """Command CreateNotifier DigestEntry Fact FailureGroup Link Message Notifier PermanentError
        PreparingNotifier Progress Secret Secrets Severity Tag TemporaryError UpdatingNotifier""",
    "batchbell.webhook": """Address Classify SendError Webhook WebhookResponse WrongWebhook classify read_retry_after
        url_problem""",
    "batchbell.provisioning": """FORMS STACK_CONFIG Context Grants NotifierSettings SecretReference SecretShape
        Statement check_arn check_when_known""",
    "batchbell.partitions": "Feature console_domain ec2_principal offers",
    "batchbell.plugins": "Plugin PluginError find_plugins notifiers_package",
    "batchbell.preview": "CreatePreview Form Part Preview",
    "batchbell.aws_clients": "LazyClient make_client open_session",
    "batchbell.aws_errors": "call_aws",
    "batchbell.texts": """ICONS as_text cut describe_children describe_job headline indented_line last_lines one_line
        shorten tidy with_omission_note without_logs""",
    "batchbell.time_limit": "SEND_LIMIT Connections Exchange call_within",
    "batchbell.stack_files": "InvalidConfig Stack StackConfig find_stack load",
    "batchbell.conformance": """REQUEST_ECHO AwsEndpoint Endpoint Fault NotifierConformance Request Response
        UpdatingNotifierConformance WebhookEndpoint aws_error""",
    "batchbell.testing": "FaultyServer Request Response",
    "components": "ArrayJobNotifier ArrayJobNotifierArgs",
}


@pytest.mark.parametrize("module_name", PUBLIC)
def test_a_public_module_exports_these_names(module_name: str) -> None:
    module = importlib.import_module(module_name)

    assert sorted(module.__all__) == sorted(PUBLIC[module_name].split())
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("module_name", PUBLIC)
def test_a_class_or_function_that_is_not_exported_is_private(module_name: str) -> None:
    module = importlib.import_module(module_name)
    defined = {
        name
        for name, value in vars(module).items()
        if (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__ == module_name
    }

    assert {name for name in defined - {*module.__all__} if not name.startswith("_")} == set()
