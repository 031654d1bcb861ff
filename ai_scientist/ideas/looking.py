"""Looking a template's ideas up in the literature, one after the other, each written down as soon as it is done."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ai_scientist.agents.model import LanguageModel
from ai_scientist.idea import Idea
from ai_scientist.ideas import file, novelty
from ai_scientist.ideas.literature import Library
from ai_scientist.template import Template

KEY = "novelty_check"


def look_up(
    template: Template, ideas: Sequence[Idea], library: Library, model: LanguageModel | None, say: Callable[[str], None]
) -> bool:
    """Note what is found in ideas.json under `novelty_check`; whether every service answered every query.

    An "unknown" does not take the place of an earlier verdict: that was paid for, and says when it was given.
    """
    complete = True
    for number, idea in enumerate(ideas, 1):
        found = novelty.check(idea, template.task, number, library, model)
        complete = complete and not any(source["failure"] for source in found["sources"])
        for line in told(idea, found):
            say(line)
        earlier: Any = idea.more.get(KEY)
        before = earlier.get("verdict") if isinstance(earlier, dict) else None
        if before not in (None, "unknown") and found["verdict"] == "unknown":
            say(f"- the earlier verdict is kept: {before}")
        elif not file.note(template.folder, idea.name, {KEY: found}):
            say(f"- {idea.name} is no longer in {file.NAME}")
    return complete


def told(idea: Idea, found: Mapping[str, Any]) -> list[str]:
    """What was found, in lines for a person."""
    papers = [f"- {paper['year'] or '----'}  {paper['title']}  {paper['url']}" for paper in found["papers"]]
    failures = [f"- incomplete: {source['failure']}" for source in found["sources"] if source["failure"]]
    return [f"{idea.name}: {found['verdict']}: {found['reason']}", *papers, *failures]
