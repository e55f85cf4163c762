"""Texts that Kubernetes takes in one form only, each with the rule that an error message states."""

from typing import Annotated

from switchyard.config.types.rules import Checked, Matching

LABEL_LIMIT = 63
"""Characters of a label's value, and of its key without the prefix."""

SUBDOMAIN_LIMIT = 253
"""Characters of a DNS subdomain: the prefix of a label's key, the name of a Secret."""

_DNS_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"(?=.{{1,{SUBDOMAIN_LIMIT}}}(?:/|$)){_DNS_LABEL}(?:\.{_DNS_LABEL})*"
_NO_PORT = r"0*(?:6553[6-9]|655[4-9][0-9]|65[6-9][0-9]{2}|6[6-9][0-9]{3}|[7-9][0-9]{4}|[1-9][0-9]{5,})"
_LABEL_NAME = rf"[A-Za-z0-9](?:[-A-Za-z0-9_.]{{0,{LABEL_LIMIT - 2}}}[A-Za-z0-9])?"


def matching(pattern: str, rule: str) -> Matching:
    """A validator that accepts a text which the whole pattern matches, and refuses others with the rule."""
    return Matching(pattern, rule)


_LABEL_KEY = matching(
    rf"(?:{_SUBDOMAIN}/)?{_LABEL_NAME}",
    f"must be a label key: at most {LABEL_LIMIT} of A-Z a-z 0-9 - _ ., a letter or digit at both ends, "
    "before it a DNS subdomain and / if need be | Example: example.org/team",
)


def _annotation_key(key: str) -> str:
    # Kubernetes checks the key of an annotation in lower case, so that its prefix may have capitals.
    _LABEL_KEY.check(key.lower())
    return key


LabelKey = Annotated[str, _LABEL_KEY]
LabelValue = Annotated[
    str,
    matching(
        rf"(?:{_LABEL_NAME})?",
        f"must be a label value: empty, or at most {LABEL_LIMIT} of A-Z a-z 0-9 - _ ., a letter or digit at "
        "both ends | Example: application",
    ),
]
AnnotationKey = Annotated[str, Checked(_annotation_key, "a label key, in which the prefix may have capitals")]
Subdomain = Annotated[
    str,
    matching(
        _SUBDOMAIN,
        f"must be a DNS subdomain: at most {SUBDOMAIN_LIMIT} of a-z 0-9 - ., a letter or digit at both ends | "
        "Example: backend-secrets",
    ),
]
SearchDomain = Annotated[
    str,
    matching(
        rf"{_SUBDOMAIN}\.?",
        f"must be a DNS subdomain: at most {SUBDOMAIN_LIMIT} of a-z 0-9 - ., a letter or digit at both ends, and a . "
        "behind it if need be | Example: example.org",
    ),
]
DnsLabel = Annotated[
    str,
    matching(
        r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
        "must be a DNS label: at most 63 of a-z 0-9 -, not - at an end | Example: default",
    ),
]
PortName = Annotated[
    str,
    matching(
        r"(?=.{1,15}$)(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?",
        "must be the name of a port: at most 15 of a-z 0-9 -, a letter among them, no - at an end or doubled | "
        "Example: metrics",
    ),
]
MetricName = Annotated[
    str,
    matching(
        r"[a-zA-Z_][a-zA-Z0-9_]*",
        "must be the name of a metric or a label in Prometheus: letters, digits and _, no digit first | "
        "Example: http_requests_total",
    ),
]
Url = Annotated[
    str,
    matching(
        rf"https?://(?![^/]*:{_NO_PORT}(?:/|$))[^\s/@?#]+(?:/[^\s@?#]*)?",
        "must be an http or https address, without a user in it, with a port of at most 65535 if any | "
        "Example: http://prometheus.monitoring:9090",
    ),
]
