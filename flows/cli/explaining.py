"""What ``explain`` prints."""

from pathlib import Path

from flows.cli.render import print_json
from harvest.explain import Explanation, draw_explanation, explain_box


def explain_and_report(lake: Path, box: str, drawing: tuple[Path | None, str | None], as_json: bool) -> None:
    """Explain a box; ``drawing`` is the picture's file and the archive, each None where it is not wanted."""
    explanation = explain_box(lake, box)
    picture, archive = drawing
    if picture is not None:
        draw_explanation(explanation, lake, archive).save(picture, "PNG")
    if as_json:
        print_json(explanation.facts)
    else:
        _print(explanation)
        if picture is not None:
            print(f"\nPicture: {picture}")


def _print(explanation: Explanation) -> None:
    for heading, facts in explanation.facts.items():
        print(f"{heading.replace('_', ' ')}")
        for name, value in facts.items():
            print(f"    {name.replace('_', ' '):24} {'unknown' if value is None else value}")
