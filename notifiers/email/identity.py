"""An SES identity, by its ARN: where it is, and as whom it may send."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# An address may have * and ?, but a policy would grant all that they match.
_LOCAL = r"[A-Za-z0-9.!#$%&'+/=^_`{|}~-]{1,64}"
_ARN = re.compile(
    r"arn:aws[a-z-]*:ses:(?P<region>[a-z0-9-]+):[0-9]{12}:"
    rf"identity/(?P<name>(?:{_LOCAL}@)?(?:{_LABEL}\.)+{_LABEL})"
)


@dataclass(frozen=True)
class Identity:
    """A verified address or domain."""

    region: str
    name: str

    @classmethod
    def parse(cls, arn: str) -> Identity:
        """Parse an ARN. Raises ValueError, which says what is taken."""
        match = _ARN.fullmatch(arn)
        if match is None:
            raise ValueError("takes the ARN of an SES identity, without wildcards")
        return cls(match["region"], match["name"])

    def covers(self, address: str) -> bool:
        """Whether it may send as this address.

        A verified domain covers its subdomains; case counts before the @ only (SES Developer Guide, "Verified
        identities").
        """
        if "@" in self.name:
            return self.name == address
        domain, name = address.rpartition("@")[2].lower(), self.name.lower()
        return domain == name or domain.endswith(f".{name}")
