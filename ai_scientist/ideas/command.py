"""`ai-scientist ideas TEMPLATE`: list a template's ideas, or have a model propose new ones (--generate N)."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from ai_scientist.errors import UsageError
from ai_scientist.flags import DEFAULTS, count, positive, price
from ai_scientist.ideas import file, table
from ai_scientist.ideas.plain import one_line
from ai_scientist.interrupts import interruptible
from ai_scientist.places import TEMPLATES
from ai_scientist.secrets import mask
from ai_scientist.template import Template, read_template


def add(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    add = parser.add_argument
    add("template", metavar="TEMPLATE", help="a template's folder, or its name in --templates-dir")
    add("--templates-dir", type=Path, default=TEMPLATES, metavar="DIR", help="where the templates are")
    add("--json", action="store_true", help="print the ideas as JSON, with all that the file says of them")
    add("--generate", type=count, metavar="N", help="have a model propose so many ideas and add those that are new")
    add(
        "--reflections",
        type=_few,
        default=3,
        metavar="N",
        help="how often it looks at each again, 0 to 20 (default: 3)",
    )
    add("--model", metavar="NAME", help="the model, by litellm's name: claude-opus-4-6, openai/NAME, ...")
    add("--max-cost", type=positive, metavar="USD", help="cost of all requests of this command")
    add("--max-tokens", type=count, metavar="N", help="tokens of all requests of this command and their replies")
    add(
        "--price-in", type=price, metavar="USD", help="price of a million prompt tokens, where litellm does not know it"
    )
    add("--price-out", type=price, metavar="USD", help="price of a million tokens of the replies")
    add(
        "--retry-for",
        type=positive,
        default=DEFAULTS["retry_for"],
        metavar="MINUTES",
        help="how long passing faults are waited out (default: %(default)g)",
    )


def run(given: argparse.Namespace) -> int:
    """0, or 1 where ideas were asked for and none was added. Raises UsageError for bad input."""
    template = _template(given)
    code = 0
    if given.generate:
        with interruptible():
            code = _generate(given, template)
    if given.json:
        sys.stdout.write(table.as_json(file.known(template.folder)))
    elif not given.generate:
        table.show(file.known(template.folder), sys.stdout)
    return code


def _generate(given: argparse.Namespace, template: Template) -> int:
    from ai_scientist.ideas import generate, speaking  # the clients of the providers take seconds

    say = _voice(given)
    model = speaking.model_for(given, template, say)
    file.known(template.folder)  # a damaged file is found before anything is paid
    added = generate.generate(template, model, given.generate, given.reflections, say)
    say(f"{added} of {given.generate} ideas added to {template.folder / file.NAME}")
    return 0 if added else 1


def _voice(given: argparse.Namespace) -> Callable[[str], None]:
    """Where lines for a person go: with --json, stdout is JSON and nothing else."""
    out = sys.stderr if given.json else sys.stdout

    def say(line: str) -> None:
        out.write(one_line(mask(line), 2000) + "\n")
        out.flush()

    return say


def _template(given: argparse.Namespace) -> Template:
    for folder in (Path(given.template), given.templates_dir / given.template):
        if folder.is_dir():
            return read_template(folder.resolve())
    raise UsageError(f"{given.template} is no folder, and no template of {given.templates_dir}")


def _few(text: str) -> int:
    if not text.isdecimal() or int(text) > 20:
        raise argparse.ArgumentTypeError(f'"{text}" is not a whole number from 0 to 20')
    return int(text)
