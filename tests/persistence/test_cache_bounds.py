"""A cache holds what it may hold to the last byte, and not one more."""


def test_placeholder() -> None:
    pass
