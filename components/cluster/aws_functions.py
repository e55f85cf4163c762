"""Functions of the AWS provider whose failure must not end the run."""

from collections.abc import Mapping
from typing import Any

import pulumi

from switchyard.errors import AwsError


async def ask_aws(function: str, arguments: Mapping[str, Any], parent: pulumi.Resource) -> Mapping[str, Any]:
    """Calls a function of the provider, as the functions of the SDK do, whose failure would end the program.

    Args:
        function: token of the function, for example ``aws:s3/getObjects:getObjects``.
        arguments: its arguments.
        parent: the component whose AWS provider is asked.

    Raises:
        AwsError: AWS does not answer, or denies the call.
    """
    try:
        answer = await pulumi.runtime.invoke_async(function, dict(arguments), pulumi.InvokeOptions(parent=parent))
    except Exception as error:  # the SDK raises no other class
        raise AwsError(str(error)) from error
    return dict(answer)
