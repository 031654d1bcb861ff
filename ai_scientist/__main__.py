"""`python -m ai_scientist`, installed as `ai-scientist`: the launcher and everything beside it, a subcommand each."""

import sys

from ai_scientist import __version__, launch
from ai_scientist.flags import Parser


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand; its exit code."""
    parser = Parser(prog="ai-scientist", description="Pursues machine-learning ideas, run by run.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("launch", help="pursue ideas, as launch_scientist.py does", add_help=False)
    given, rest = parser.parse_known_args(arguments)
    assert given.command == "launch"
    return launch.main(rest)


if __name__ == "__main__":
    sys.exit(main())
