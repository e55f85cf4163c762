"""What all unit tests have in common."""

import os


def pytest_configure() -> None:
    # Accounts of moto begin without its 1,300 images, which no test asks for: to make them takes half a second each.
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
