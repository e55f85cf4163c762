"""Whether a switch would bring back a version that was rolled back: a rollback is not undone by a robot."""

from collections.abc import Iterable

from switchyard.codes import Code
from switchyard.config.models.service import BlueGreenSettings, Track
from switchyard.config.models.service_name import key_of
from switchyard.gates.rules.refusal import Refusal
from switchyard.gates.rules.remedies import setting
from switchyard.kube.images import configured_image, parsed
from switchyard.kube.rolled_back import RolledBack, record_name


def refuse_rolled_back(name: str, service: BlueGreenSettings, versions: Iterable[RolledBack]) -> Refusal | None:
    """Refuses a switch to a version that was rolled back, as a run with the configuration of before makes it.

    Args:
        name: the service's name.
        service: its settings, whose active colour is to serve.
        versions: what was rolled back, by the record of the service.
    """
    to, image = service.active, configured_image(service, Track(service.active))
    tag = None if image is None else parsed(image).version
    version = next((version for version in versions if (version.colour, version.tag) == (to.value, tag)), None)
    if version is None:
        return None
    why = f', "{version.reason}"' if version.reason else ""
    return Refusal(
        code=Code.VERSION_ROLLED_BACK,
        step=f"{key_of(name)}: the switch to {to}",
        observed=(
            f"{version.actor} rolled {tag} in {to} back at {version.at}{why} (release {version.release} in ConfigMap "
            f"{record_name(name)} of namespace {service.namespace})"
        ),
        rule="a version that was rolled back serves again only when an operator says so",
        remedy=(
            f"The Service was not changed, and {to.other} continues to serve. To keep it so: "
            f"{setting(name, 'active', to.other)}. To mean the switch: switchyard switch {key_of(name)} {to}"
        ),
    )
