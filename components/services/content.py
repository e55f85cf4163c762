"""The ConfigMaps and Secrets of services, read once at the start of a program."""

from collections.abc import Mapping

import pulumi

from components.failures import errors_end_the_run
from switchyard.config.models.service import ServiceSettings
from switchyard.kube.access import ClusterAccess
from switchyard.kube.content import Content, read_content


def content_of(services: Mapping[str, ServiceSettings], access: ClusterAccess) -> Mapping[str, Content]:
    """The versions of ConfigMaps and Secrets that pod templates name, for each service that refers to any.

    Read at the start, and not in a hook: the templates must name the versions before they are registered.

    Raises:
        pulumi.RunError: the cluster could not be read.
    """
    if not access.exists:
        return {}  # neither these objects nor pods are there yet
    if access.unreachable:
        return {name: Content(known=False) for name in services}
    with errors_end_the_run():
        contents = read_content(services, access)
    for content in contents.values():
        for warning in content.warnings:
            pulumi.log.warn(warning)
    return contents
