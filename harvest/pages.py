"""What the pages of this project share: one template environment, so that evaluation and report look alike."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def page_environment() -> Environment:
    """Return an environment over ``harvest/templates`` that escapes every value and refuses unknown names."""
    environment = Environment(
        loader=PackageLoader("harvest"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = lambda number: f"{number:,}"
    return environment
