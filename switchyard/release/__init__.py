"""A release of a service, from a tag to the retirement of the old colour: phases, record, drain, watch, receipt."""
