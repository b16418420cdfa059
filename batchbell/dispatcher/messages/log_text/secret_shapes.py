"""Blanks secrets that their own shape gives away, wherever they stand in a line. Each shape names its source."""

from __future__ import annotations

import re

# The first group, if a pattern has one, stays.
_SHAPES = tuple(
    re.compile(pattern)
    for pattern in (
        # AWS IAM User Guide, "Understanding unique ID prefixes": access keys. Session tokens begin like these (seen).
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
        r"\b(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)[A-Za-z0-9+/=%_-]{16,}",
        # GitHub Docs, "GitHub's token formats"; GitLab Docs, "Token prefixes".
        r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{22,})",
        r"\bgl(?:pat|rt|dt|soat|cbt|ptt|ft|imt|agent|oas)-[A-Za-z0-9_.-]{16,}",
        # Slack API documentation, "Token types" and "Incoming webhooks".
        r"\bx(?:ox[a-z]|app)-[A-Za-z0-9-]{8,}",
        r"https://hooks\.slack(?:-gov)?\.com/[A-Za-z0-9/_-]+",
        # Other webhooks whose URL is the key: Microsoft Teams, Discord, Telegram's bots (their API references).
        r"https://[a-z0-9.-]+\.webhook\.office\.com/[^\s\"'<>]+",
        r"(https://(?:[a-z]+\.)?discord(?:app)?\.com/api/webhooks/)[A-Za-z0-9/_-]+",
        r"(?<![0-9])[0-9]{6,12}:[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])",
        # Key prefixes in the API references of OpenAI and Anthropic, Stripe, Square and Twilio.
        r"\bsk-(?:(?:ant|proj|svcacct|admin)-|(?=[A-Za-z_-]{0,40}[0-9]))[A-Za-z0-9_-]{16,}",
        r"\b(?:[spr]k_(?:live|test)_|whsec_|sq0[a-z]{3}-)[A-Za-z0-9_-]{12,}",
        r"\bSK[0-9a-f]{32}\b",
        # Google Cloud: API keys and access tokens.
        r"\b(?:AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{16,})",
        # npm, PyPI, Hugging Face, Docker Hub, HashiCorp Vault and Terraform, Pulumi, DigitalOcean, Shopify, Databricks,
        # Mailgun, SendGrid, age: prefixes in their documentation.
        r"\b(?:npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{20,}|dckr_pat_[A-Za-z0-9_-]{16,})",
        r"\b(?:hv[sbr]\.[A-Za-z0-9_-]{16,}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{16,}|pul-[0-9a-f]{40}\b)",
        r"\b(?:do[oprt]_v1_|shp(?:at|ca|pa|ss)_|dapi|key-)[0-9a-f]{32,}\b",
        r"\b(?:SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|AGE-SECRET-KEY-1[A-Z0-9]{16,})",
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",  # RFC 7519: a JSON Web Token
        # RFC 3986: the userinfo of a URL, also percent-encoded. The user's name stays. A password may hold @ and
        # even /, but a port with a path is not one; a long name without a password, with digits, is a token.
        r"(://[^\s/:@\"']{0,100}:)(?![0-9]{1,5}(?:[/?#\s\"']|$))(?:[^\s/\"'<>]{1,200}|[^\s\"'<>]{1,200}?)(?=@)",
        r"(://)(?=[A-Za-z_.~%-]{0,100}[0-9])[A-Za-z0-9_.~%-]{16,}(?=@)",
        r"(%3A%2F%2F[A-Za-z0-9_.-]{0,100}%3A)[^\s\"'&]{1,200}?(?=%40)",
        # A signature of Azure Storage, in a URL's query ("Create a service SAS").
        r"([?&]sig=)[^\s\"'&<>]+",
        # RFC 7617, RFC 6750, outside a header: no word of prose has digits, "=" or capitals inside.
        r"(\b(?i:Basic|Bearer)\s+)(?=[A-Za-z0-9+/=._~-]{0,500}(?:[0-9=]|[a-z][A-Z]))[A-Za-z0-9+/=._~-]{8,}",
        # A header of HTTP, also in JSON and in Python: the scheme stays (IANA, "HTTP Authentication Schemes").
        r"((?i:authorization)\\{0,3}[\"']?\s{0,5}[=:]\s{0,5}\\{0,3}[\"']?(?i:Digest|AWS4-HMAC-SHA256|OAuth|Signature)\s).+",
        r"((?i:authorization)\\{0,3}[\"']?\s{0,5}[=:]\s{0,5}\\{0,3}[\"']?"
        r"(?i:(?:Basic|Bearer|Token|Api-?Key|Key|Negotiate|NTLM|JWT)\s+)?)(?=[^\s\"',;]*[0-9=])[^\s\"',;\\\[]+",
        r"(\b(?i:set-cookie|cookie):\s{0,5}[^\s=;]{1,100}=).+",
        # Options of commands: any long one that ends like this, and the short ones of curl, MySQL's clients, sshpass,
        # redis-cli, and the logins of docker and podman (their manuals).
        r"(\s--?(?i:[a-z0-9-]{0,40}(?:password|passwd|passphrase|secret|token|api-?key))\s{1,5})(?!-)(?![0-9]{1,7}(?:\s|$))\S+",
        r"([\"']--?(?i:[a-z0-9-]{0,40}(?:password|passwd|passphrase|secret|token|api-?key))[\"'],\s{0,3}[\"'])[^\"']+",
        r"(\b(?i:password|identified\s{1,3}by)\s{1,3}[\"'])[^\"']+",  # SQL
        r"(\bcurl\s(?:.{0,200}\s)?(?:-[a-zA-Z]{0,5}[uU]|--(?:proxy-)?user)[\s=]{0,3}[\"']?[^\s:\"']{1,100}:)[^\s\"']+",
        r"(\bmysql[a-z]{0,10}\s(?:.{0,200}\s)?-p)[^\s]+",
        r"(\bsshpass\s+-p\s{0,3})\S+",
        r"(\bredis-cli\s(?:.{0,200}\s)?-a\s{1,3})\S+",
        r"(\b(?:docker|podman|helm registry|oras) login\s(?:.{0,200}\s)?-p[\s=]{1,3})\S+",
        r"(\blogin\s{1,3}\S{1,200}\s{1,3}password\s{1,3})\S+",  # .netrc
    )
)
_WITHOUT_AT = tuple(pattern for pattern in _SHAPES if not pattern.pattern.endswith(("(?=@)", "(?=%40)")))
# AWS IAM User Guide: a secret access key has 40 characters of Base64. Alone they could be a hash; so only where upper
# and lower case and digits are all in it.
_SECRET_KEY = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])")


def without_shapes(line: str, blank: str) -> str:
    """Return the line with `blank` for each secret."""
    for pattern in _SHAPES if "@" in line or "%40" in line else _WITHOUT_AT:
        line = pattern.sub(lambda found: (found[1] if found.re.groups else "") + blank, line)
    return _SECRET_KEY.sub(lambda found: blank if _is_mixed(found[0]) else found[0], line)


def _is_mixed(text: str) -> bool:
    kinds = (str.isupper, str.islower, str.isdigit)
    return all(any(kind(letter) for letter in text) for kind in kinds)
