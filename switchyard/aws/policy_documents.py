"""Policy documents of IAM, in whatever a policy is attached to: a role, a bucket, a key."""

import json

Statement = dict[str, object]
Document = dict[str, object]

VERSION = "2012-10-17"
"""The version of the language of policies, the newest one there is."""


def document(*statements: Statement) -> Document:
    """Returns a document with these statements."""
    return {"Version": VERSION, "Statement": list(statements)}


def text(policy: Document) -> str:
    """Returns the document as AWS takes it: the same text for the same document."""
    return json.dumps(policy, separators=(",", ":"))
