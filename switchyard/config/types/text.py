"""Texts that Kubernetes takes in one form only, each with the rule that a mistake is answered with."""

import re
from typing import Annotated

from pydantic import AfterValidator

LABEL_LIMIT = 63
"""Characters of a label's value, and of its key without the prefix."""

SUBDOMAIN_LIMIT = 253
"""Characters of a DNS subdomain: the prefix of a label's key, the name of a Secret."""

_DNS_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*")
_LABEL_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")


def matching(pattern: str, rule: str) -> AfterValidator:
    """A validator that takes a text which the whole pattern matches, and answers others with the rule."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(rule)
        return text

    return AfterValidator(check)


def _label_key(key: str) -> str:
    prefix, slash, name = key.rpartition("/")
    if not (_is_label_name(name) and (not slash or _is_subdomain(prefix))):
        raise ValueError(
            f"must be a label key: at most {LABEL_LIMIT} of A-Z a-z 0-9 - _ ., a letter or digit at both ends, "
            "before it a DNS subdomain and / if need be | Example: example.org/team"
        )
    return key


def _label_value(value: str) -> str:
    if value and not _is_label_name(value):
        raise ValueError(
            f"must be a label value: empty, or at most {LABEL_LIMIT} of A-Z a-z 0-9 - _ ., a letter or digit at "
            "both ends | Example: application"
        )
    return value


def _annotation_key(key: str) -> str:
    # Kubernetes looks at an annotation's key in lower case, so that its prefix may have capitals.
    _label_key(key.lower())
    return key


def _subdomain(name: str) -> str:
    if not _is_subdomain(name):
        raise ValueError(
            f"must be a DNS subdomain: at most {SUBDOMAIN_LIMIT} of a-z 0-9 - ., a letter or digit at both ends | "
            "Example: backend-secrets"
        )
    return name


def _is_label_name(text: str) -> bool:
    return len(text) <= LABEL_LIMIT and _LABEL_NAME.fullmatch(text) is not None


def _is_subdomain(text: str) -> bool:
    return len(text) <= SUBDOMAIN_LIMIT and _SUBDOMAIN.fullmatch(text) is not None


LabelKey = Annotated[str, AfterValidator(_label_key)]
LabelValue = Annotated[str, AfterValidator(_label_value)]
AnnotationKey = Annotated[str, AfterValidator(_annotation_key)]
Subdomain = Annotated[str, AfterValidator(_subdomain)]
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
        r"https?://[^\s/@?#]+(?:/[^\s@?#]*)?",
        "must be an http or https address, without a user in it | Example: http://prometheus.monitoring:9090",
    ),
]
