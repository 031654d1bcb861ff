"""A template's ideas: list them, have a model propose more (--generate), or look in the literature (--novelty)."""

import argparse
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from ai_scientist.amounts import count, positive, price
from ai_scientist.errors import UsageError
from ai_scientist.flags import BY_A_FILE, DEFAULTS, Parser, configured, settings
from ai_scientist.idea import nearest
from ai_scientist.ideas import file, table
from ai_scientist.ideas.plain import one_line
from ai_scientist.interrupts import interruptible
from ai_scientist.places import TEMPLATES, literature
from ai_scientist.secrets import mask
from ai_scientist.template import Template, read_template

MAX_WAIT_MINUTES = 5.0  # for a literature service; its daily limit is not waited out


def add(parser: argparse.ArgumentParser) -> None:
    """The flags."""
    add = parser.add_argument
    add("template", metavar="TEMPLATE", help="a template's folder, or its name in --templates-dir")
    add("--templates-dir", type=Path, default=TEMPLATES, metavar="DIR", help="where the templates are")
    add("--json", action="store_true", help="print the ideas as JSON, with all that the file says of them")
    task = parser.add_mutually_exclusive_group().add_argument
    task("--generate", type=count, metavar="N", help="have a model propose so many ideas, and add those that are new")
    task("--novelty", action="store_true", help="see what Semantic Scholar and OpenAlex know of the ideas")
    add("--reflections", type=_few, default=3, metavar="N", help="looks at each proposal again, 0 to 20 (default: 3)")
    add("--idea", action="append", default=[], metavar="NAME", help="--novelty of this idea only; several times")
    add("--max-age", type=_days, default=30.0, metavar="DAYS", help="of kept answers of the services (default: 30)")
    _add_model(parser)


def _add_model(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", metavar="NAME", help="the model, by litellm's name: claude-opus-4-6, openai/NAME, ...")
    add("--max-cost", type=positive, metavar="USD", help="cost of all requests of this command")
    add("--max-tokens", type=count, metavar="N", help="tokens of all requests of this command and their replies")
    add("--price-in", type=price, metavar="USD", help="price of a million prompt tokens, where it is not known")
    add("--price-out", type=price, metavar="USD", help="price of a million tokens of the replies")
    patience = DEFAULTS["retry_for"]
    waits = f"how long passing faults are waited out (default: {patience:g})"
    add("--retry-for", type=positive, metavar="MINUTES", help=waits)


def run(given: argparse.Namespace) -> int:
    """0; 1 where no idea was added or a service did not answer. Raises UsageError for bad input."""
    if given.idea and not given.novelty:
        raise UsageError("--idea goes with --novelty")
    template = _template(given)
    given = _configured(given)
    work = _generate if given.generate else _look_up if given.novelty else None
    code = 0
    if work is not None:
        with interruptible():
            code = work(given, template)
    if given.json:
        sys.stdout.write(table.as_json(file.known(template.folder)))
    elif work is None:
        table.show(file.known(template.folder), sys.stdout)
    return code


def _configured(given: argparse.Namespace) -> argparse.Namespace:
    """What is not given is as the configuration file of the launcher says, its limits of cost above all."""
    parser = Parser(prog=f"ai-scientist ideas{BY_A_FILE}")
    _add_model(parser)
    names = set(vars(parser.parse_args([])))
    own = vars(parser.parse_args(configured(names, settings())))
    missing = {name: value for name, value in own.items() if getattr(given, name) is None}
    merged = argparse.Namespace(**{**vars(given), **missing})
    merged.retry_for = merged.retry_for or DEFAULTS["retry_for"]
    return merged


def _generate(given: argparse.Namespace, template: Template) -> int:
    from ai_scientist.ideas import generate, speaking  # the clients of the providers take seconds

    say = _voice(given)
    model = speaking.model_for(given, template, say)
    file.known(template.folder)  # a damaged file is found before anything is paid
    added = generate.generate(template, model, given.generate, given.reflections, say)
    say(f"{added} of {given.generate} ideas added to {template.folder / file.NAME}")
    return 0 if added else 1


def _look_up(given: argparse.Namespace, template: Template) -> int:
    from ai_scientist.ideas import looking, speaking
    from ai_scientist.ideas.literature import library
    from ai_scientist.planning import KEY

    say = _voice(given)
    known = file.known(template.folder)
    if missing := [name for name in given.idea if name not in {idea.name for idea in known}]:
        raise UsageError(f'no idea "{missing[0]}". {nearest(missing[0], [idea.name for idea in known])}')
    wanted = [idea for idea in known if idea.name in given.idea or not given.idea]
    model = speaking.model_for(given, template, say) if given.model or os.environ.get(KEY) else None
    patience = 60 * min(given.retry_for, MAX_WAIT_MINUTES)
    with library(say, literature(), timedelta(days=given.max_age), patience) as shelves:
        return 0 if looking.look_up(template, wanted, shelves, model, say) else 1


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


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = -1.0
    if not 0 <= days <= 10_000:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number of days from 0 on')
    return days


def _few(text: str) -> int:
    if not text.isdecimal() or int(text) > 20:
        raise argparse.ArgumentTypeError(f'"{text}" is not a whole number from 0 to 20')
    return int(text)
