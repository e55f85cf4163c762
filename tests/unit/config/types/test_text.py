"""Texts that are taken in one form only."""

import pytest
from pydantic import TypeAdapter, ValidationError

from switchyard.config.types.text import Url


@pytest.mark.parametrize("host", ["ci", "ci:1", "ci:65535", "10.0.0.1:8080", "[::1]", "[::66000]:9090", "ci:0443"])
def test_a_url_has_a_port_that_there_is(host: str) -> None:
    url = f"http://{host}/hooks:99999"
    assert TypeAdapter(Url).validate_python(url) == url


@pytest.mark.parametrize("port", ["65536", "065600", "66000", "70000", "99999", "100000"])
@pytest.mark.parametrize("path", ["", "/", "/hooks"])
def test_a_url_with_a_port_that_there_is_not_is_refused(port: str, path: str) -> None:
    with pytest.raises(ValidationError, match="a port of at most 65535"):
        TypeAdapter(Url).validate_python(f"https://ci.example.org:{port}{path}")
