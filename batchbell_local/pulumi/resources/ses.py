"""SES v2: EmailIdentity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .api_form import echo, pascal
from .clients import Clients
from .errors import CheckFailure
from .property_values import Inputs, Outputs
from .resource_type import ResourceType
from .tags import retag, tag_list, with_tags

KEY_AND_SELECTOR = ("domainSigningPrivateKey", "domainSigningSelector")


class EmailIdentity(ResourceType):
    """An address or domain to send from, which is also its id. Provider: sesv2/email_identity.go."""

    token = "aws:sesv2/emailIdentity:EmailIdentity"
    gone = ("NotFoundException",)
    auto_name = None
    replaces = frozenset({"emailIdentity"})

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        signing = inputs.get("dkimSigningAttributes")
        if not isinstance(signing, dict):
            return
        given = [name for name in KEY_AND_SELECTOR if signing.get(name) is not None]
        if len(given) == 1:
            yield CheckFailure(f"dkimSigningAttributes.{given[0]}", f"needs {' and '.join(KEY_AND_SELECTOR)} together")
        if given and signing.get("nextSigningKeyLength") is not None:
            yield CheckFailure("dkimSigningAttributes.nextSigningKeyLength", f"conflicts with {given[0]}")

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        request: Outputs = {"EmailIdentity": inputs["emailIdentity"], "Tags": tag_list(inputs)}
        if inputs.get("dkimSigningAttributes"):
            request["DkimSigningAttributes"] = pascal(inputs["dkimSigningAttributes"])
        if inputs.get("configurationSetName"):
            request["ConfigurationSetName"] = inputs["configurationSetName"]
        clients("sesv2").create_email_identity(**request)
        return inputs["emailIdentity"], self._outputs(self._describe(inputs["emailIdentity"], clients), inputs, clients)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        found = self._describe(id, clients)
        inputs = {"emailIdentity": id, "configurationSetName": found.get("ConfigurationSetName")}
        return echo(inputs), self._outputs(found, inputs, clients)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        ses = clients("sesv2")
        changes = self.diff(old, news).changes
        if "configurationSetName" in changes:
            name = {"ConfigurationSetName": news["configurationSetName"]} if news.get("configurationSetName") else {}
            ses.put_email_identity_configuration_set_attributes(EmailIdentity=id, **name)
        if "dkimSigningAttributes" in changes and news.get("dkimSigningAttributes"):
            signing = news["dkimSigningAttributes"]
            origin = "EXTERNAL" if signing.get(KEY_AND_SELECTOR[0]) else "AWS_SES"
            ses.put_email_identity_dkim_signing_attributes(
                EmailIdentity=id, SigningAttributesOrigin=origin, SigningAttributes=pascal(signing)
            )
        outputs = self._outputs(self._describe(id, clients), news, clients)
        retag(old, news, ses.tag_resource, ses.untag_resource, ResourceArn=outputs["arn"])
        return outputs

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        clients("sesv2").delete_email_identity(EmailIdentity=id)

    def _describe(self, identity: str, clients: Clients) -> dict[str, Any]:
        return dict(clients("sesv2").get_email_identity(EmailIdentity=identity))

    def _outputs(self, found: dict[str, Any], inputs: Inputs, clients: Clients) -> Outputs:
        dkim = found.get("DkimAttributes") or {}
        signing = dict(inputs.get("dkimSigningAttributes") or {})
        signing |= {"tokens": dkim.get("Tokens") or [], "status": dkim.get("Status")}
        identity = inputs["emailIdentity"]
        return echo(
            inputs,
            arn=f"arn:aws:ses:{clients.region}:{clients.account}:identity/{identity}",
            identityType=found.get("IdentityType"),
            verificationStatus=found.get("VerificationStatus"),
            verifiedForSendingStatus=bool(found.get("VerifiedForSendingStatus")),
            dkimSigningAttributes={key: value for key, value in signing.items() if value is not None},
            **with_tags(inputs),
        )
