"""The settings of a run: whose messages name the stack that they are about."""

import pulumi
import pytest

from components.settings import read_settings
from switchyard.config.commands import typed


def test_messages_of_an_update_name_its_stack_whichever_is_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi, "get_stack", lambda: "production")
    with pytest.raises(pulumi.RunError, match="switchyard:cluster") as refused:
        read_settings()  # of a test without a configuration
    assert "pulumi config set --path 'switchyard:cluster.kind' existing --stack production" in str(refused.value)
    assert typed("switchyard status") == "switchyard status --stack production"
