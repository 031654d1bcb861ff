"""The launcher: from flags to studies, and from how they ended to an exit code."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ai_scientist.errors import UsageError
from ai_scientist.exits import exit_code
from ai_scientist.flags import Flags, parse
from ai_scientist.idea import Idea, nearest
from ai_scientist.ideas.bring import from_file, from_text
from ai_scientist.ideas.plain import one_line
from ai_scientist.interrupts import interruptible
from ai_scientist.template import Template, find_templates, read_template


def main(arguments: list[str] | None = None) -> int:
    """0: every study is complete. 1: one ended incomplete, and said what is kept. 2: bad input, said in one line."""
    return exit_code("launch_scientist.py", lambda: _main(sys.argv[1:] if arguments is None else arguments))


def _main(arguments: list[str]) -> int:
    flags = parse(arguments)
    if flags.list_ideas:
        return _list_ideas(flags)
    with interruptible():
        return _work(flags)


def _work(flags: Flags) -> int:
    from ai_scientist.batch import work  # rich and the rest: not needed for --help and --list-ideas

    complete = work.resume(flags, flags.resume) if flags.resume else work.begin(flags, _wanted(flags))
    return 0 if complete else 1


def _wanted(flags: Flags) -> list[tuple[Template, Idea]]:
    among = templates(flags)
    if flags.all:
        return _all_of(among, unusable(flags))
    return [find(name, among, unusable(flags)) for name in dict.fromkeys(flags.idea)] + brought(flags)


def _all_of(among: list[Template], passed_over: Sequence[str]) -> list[tuple[Template, Idea]]:
    """Every idea; what is passed over is said. Raises UsageError where there is none."""
    said = "".join(f" Passed over: {one_line(why, 500)}." for why in passed_over)
    found = [(template, idea) for template in among for idea in template.ideas()]
    if not found:
        raise UsageError(f"--all: there is no idea to pursue.{said}")
    if said:
        sys.stderr.write(f"launch_scientist.py:{said}\n")
    return found


def find(name: str, among: list[Template], passed_over: Sequence[str] = ()) -> tuple[Template, Idea]:
    """The idea of that name and its template. Raises UsageError where there is none, or one in several templates.

    `passed_over` says why templates are not `among` those that are looked through.
    """
    known = [(template, idea) for template in among for idea in template.ideas()]
    found = [(template, idea) for template, idea in known if idea.name == name]
    if not found:
        unseen = "".join(f" Passed over: {why}." for why in passed_over)
        raise UsageError(f'no idea "{name}". {nearest(name, [idea.name for _, idea in known])}{unseen}')
    homes = sorted({template.name for template, _ in found})
    if len(homes) > 1:
        raise UsageError(f'idea "{name}" is in several templates: choose one with --template ({", ".join(homes)})')
    return found[0]


def brought(flags: Flags) -> list[tuple[Template, Idea]]:
    """The ideas of --idea-file and --idea-text with the template to pursue them with; the template is not changed."""
    ideas = [*(from_file(flags.idea_file) if flags.idea_file else ())]
    ideas += [from_text(flags.idea_text)] if flags.idea_text is not None else []
    among = templates(flags) if ideas else []
    if ideas and len(among) != 1:
        names = ", ".join(folder.name for folder in find_templates(flags.templates_dir))
        raise UsageError(f"your own idea needs a template to be pursued with: choose one with --template ({names})")
    return [(template, idea) for template in among for idea in ideas]


def templates(flags: Flags) -> list[Template]:
    """The templates that the flags allow; of all that there are, those that can be read."""
    folders = find_templates(flags.templates_dir)
    if flags.template is None:
        return [read_template(folder) for folder in folders if not _why_unusable(folder)]
    for folder in folders:
        if folder.name == flags.template:
            return [read_template(folder)]
    raise UsageError(f'no template "{flags.template}". {nearest(flags.template, [folder.name for folder in folders])}')


def unusable(flags: Flags) -> list[str]:
    """Why templates are passed over where none is named: one that is broken must not keep the others from use."""
    if flags.template is not None:
        return []
    return [why for folder in find_templates(flags.templates_dir) if (why := _why_unusable(folder))]


def _why_unusable(folder: Path) -> str:
    try:
        read_template(folder).ideas()
    except UsageError as error:
        return str(error)
    return ""


def _list_ideas(flags: Flags) -> int:
    for template in templates(flags):
        sys.stdout.write(f"{template.name}: {one_line(template.description, 300)}\n")
        for idea in template.ideas():
            recorded = "  [recorded: runs without a key]" if template.recording(idea.name) else ""
            sys.stdout.write(f"  {idea.name:36} {one_line(idea.title, 300)}{recorded}\n")
    for why in unusable(flags):
        sys.stdout.write(f"passed over: {one_line(why, 500)}\n")
    return 0
