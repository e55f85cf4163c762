"""How the page of benchmarks states a target and whether a measurement meets it."""


def verdict(is_met: bool) -> str:
    """Whether a target is met. A missed one is printed in bold, so that it is not overlooked."""
    return "met" if is_met else "**not met**"


def target(bound: str, is_met: bool) -> str:
    """A target with its verdict, in parentheses behind the measured value."""
    return f"(target: {bound}; {verdict(is_met)})"
