"""Every refusal, warning and report of the gates, one file an area, as pure functions of what was read.

A refusal is a function ``refuse_...(subject, settings, observed) -> Refusal | None``: first whose step it is (the name
of a service, a record, the cluster of the last update), then the settings that the rule compares, then what was
observed. The decision is in the rule and not in its caller: None permits the step. A rule whose observation is itself
the failure, such as an error or an answer that did not come, always refuses, and returns a ``Refusal``.

A warning or a report is a function that returns one line, or None; `switchyard.gates.rules.refusal.notice` renders it.
Each has a code of `switchyard.codes`. Nothing here asks a cluster or AWS: the gates read, and call the rules.
"""
