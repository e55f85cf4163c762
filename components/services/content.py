"""The ConfigMaps and Secrets of services, read once at the start of a program."""

from collections.abc import Mapping

import pulumi

from switchyard.config.models.service import ServiceSettings
from switchyard.kube.access import ClusterAccess
from switchyard.kube.content import Content, ContentUnreadableError, read_content


def content_of(services: Mapping[str, ServiceSettings], access: ClusterAccess) -> Mapping[str, Content]:
    """What the pod templates of services say of their ConfigMaps and Secrets; of a service without any, nothing.

    Read here, and not in a hook: the templates must name the versions before they are registered.

    Raises:
        pulumi.RunError: the cluster could not be read.
    """
    if not access.there:
        return {}  # neither these objects nor pods are there yet
    if access.unreachable:
        return {name: Content(known=False) for name in services}
    try:
        contents = read_content(services, access)
    except ContentUnreadableError as error:
        raise pulumi.RunError(str(error)) from None
    for content in contents.values():
        for warning in content.warnings:
            pulumi.log.warn(warning)
    return contents
