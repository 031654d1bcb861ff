"""`python -m ai_scientist`, installed as `ai-scientist`: the launcher and everything beside it, a subcommand each.

A subcommand is a module with `add(parser)`, which declares its flags, and `run(given)`, which returns the exit code;
its docstring is the help. It is imported only when it is asked for.
"""

import importlib
import sys

from ai_scientist import __version__, launch
from ai_scientist.exits import exit_code
from ai_scientist.flags import Parser

# Name -> (module, what it does).
COMMANDS: dict[str, tuple[str, str]] = {
    "claims": ("ai_scientist.claims.command", "check the numbers and comparisons in notes.txt against the results"),
    "rerun": ("ai_scientist.rerun.command", "execute recorded runs again and compare the results"),
    "new": ("ai_scientist.new", "make a template of your own"),
    "tell": ("ai_scientist.steer.tell", "tell a study something, for its next prompt"),
    "pause": ("ai_scientist.steer.pause", "pause a running study before its next step"),
    "resume": ("ai_scientist.steer.resume", "let a paused or stopped study go on"),
    "stop": ("ai_scientist.steer.stop", "stop a running study, so that it can be resumed"),
    "skip-run": ("ai_scientist.steer.skip_run", "end the run that is going on; the study goes on with the next one"),
    "check": ("ai_scientist.check.command", "check that a template keeps the contract"),
    "ideas": ("ai_scientist.ideas.command", "list a template's ideas, generate more, look them up in the literature"),
    "report": ("ai_scientist.report.command", "write the report of a study, or of all in a results folder"),
    "status": ("ai_scientist.report.status", "list all studies with state, best result, cost and time"),
    "watch": ("ai_scientist.report.watch", "follow a running study"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand; its exit code."""
    parser = Parser(prog="ai-scientist", description="Pursues machine-learning ideas, run by run.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("launch", help="pursue ideas, as launch_scientist.py does", add_help=False)
    for name, (_, purpose) in COMMANDS.items():
        commands.add_parser(name, help=purpose, add_help=False)
    given, rest = parser.parse_known_args(arguments)
    return launch.main(rest) if given.command == "launch" else _run(given.command, rest)


def _run(name: str, arguments: list[str]) -> int:
    command = importlib.import_module(COMMANDS[name][0])
    parser = Parser(prog=f"ai-scientist {name}", description=command.__doc__)

    def work() -> int:
        command.add(parser)
        return int(command.run(parser.parse_args(arguments)))

    return exit_code(parser.prog, work)


if __name__ == "__main__":
    sys.exit(main())
