"""Ideas from a model: proposed one by one, each looked at again, and added to the template unless it is known."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from pydantic import BaseModel, Field

from ai_scientist.agents.model import LanguageModel
from ai_scientist.agents.structured import Chat, Unusable
from ai_scientist.errors import UsageError
from ai_scientist.files import UnreadableFile, read_text
from ai_scientist.flags import DEFAULTS
from ai_scientist.idea import NAME, Idea
from ai_scientist.ideas import file, plain, similar
from ai_scientist.lab import Turn
from ai_scientist.prompts import render
from ai_scientist.template import MAX_BYTES, Template

MAX_TITLE, MAX_EXPERIMENT, MAX_CODE = 300, 8_000, 60_000  # characters
_RATINGS = range(1, 11)


class Proposal(BaseModel):
    """What the model is to reply: an idea with the field names of ideas.json."""

    thoughts: str = ""
    Name: str = Field(description="letters, digits and underscores")
    Title: str
    Experiment: str
    Interestingness: int = Field(description="1 to 10")
    Feasibility: int = Field(description="1 to 10")
    Novelty: int = Field(description="1 to 10")


class Reflection(Proposal):
    """The idea once more, and whether the model sees nothing more to improve."""

    done: bool


def generate(template: Template, model: LanguageModel, count: int, reflections: int, say: Callable[[str], None]) -> int:
    """Have so many ideas proposed; how many of them were added to ideas.json, each as soon as it is done.

    What stops the model amid its reflections (a limit, a fault, Ctrl-C) loses nothing: the idea is kept as it stands.
    """
    return sum(_one(template, model, number, reflections, say) for number in range(1, count + 1))


def _one(template: Template, model: LanguageModel, number: int, reflections: int, say: Callable[[str], None]) -> bool:
    chat = Chat(model, Turn(number, "idea", 0, 1), render("ideas/system", max_runs=DEFAULTS["max_runs"]))
    drafts: list[Proposal] = []
    added = False
    try:
        for draft in _drafts(chat, template, reflections, say):
            drafts.append(draft)
    finally:
        if drafts:
            added = _keep(template, _idea(drafts, model, chat), say)
    return added


def _drafts(chat: Chat, template: Template, reflections: int, say: Callable[[str], None]) -> Iterator[Proposal]:
    """The proposal, then each improvement of it, until the model is done; none where it gives nothing usable."""
    first = chat.ask(_proposal_prompt(template), Proposal, _complaint)
    if isinstance(first, Unusable):
        say(f"no idea: the model gave no usable reply ({plain.one_line(first.why, 300)})")
        return
    yield first
    for round_ in range(1, reflections + 1):
        again = chat.ask(render("ideas/reflect", round=round_, rounds=reflections), Reflection, _complaint)
        if isinstance(again, Unusable):
            say(f"{first.Name}: a reflection gave nothing usable ({plain.one_line(again.why, 300)}); kept as it was")
            return
        yield again
        if again.done:
            return


def _proposal_prompt(template: Template) -> str:
    try:
        code = read_text(template.folder / "experiment.py", MAX_BYTES)
    except UnreadableFile as error:
        raise UsageError(f"{template.folder / 'experiment.py'} {error}") from None
    known = [
        f"- {idea.name}: {plain.one_line(idea.title, MAX_TITLE)}. {plain.one_line(idea.experiment, 400)}"
        for idea in file.known(template.folder)
    ]
    return render(
        "ideas/propose",
        task=template.task,
        code=code[:MAX_CODE],
        code_is_cut=len(code) > MAX_CODE,
        known="\n".join(known),
    )


def _complaint(proposal: Proposal) -> str:
    """What is wrong with a proposal that has the right form; "" for nothing."""
    if not NAME.fullmatch(proposal.Name):
        return f'"{proposal.Name[:60]}" is no usable Name: letters, digits and underscores, at most 100 characters'
    for field, value, most in (
        ("Title", proposal.Title, MAX_TITLE),
        ("Experiment", proposal.Experiment, MAX_EXPERIMENT),
    ):
        if not plain.one_line(value, most):
            return f"{field} is empty"
        if len(value) > most:
            return f"{field} is {len(value):,} characters long; at most {most:,}"
    wrong = [name for name in ("Interestingness", "Feasibility", "Novelty") if getattr(proposal, name) not in _RATINGS]
    return f"{', '.join(wrong)} must be 1 to 10" if wrong else ""


def _idea(drafts: list[Proposal], model: LanguageModel, chat: Chat) -> Idea:
    last, cost = drafts[-1], chat.usage.cost
    origin = {
        "model": model.name,
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "cost": None if cost is None else round(cost, 6),
        "reflections": len(drafts) - 1,
    }
    title, experiment = plain.one_line(last.Title, MAX_TITLE), plain.lines(last.Experiment, MAX_EXPERIMENT)
    ratings = (last.Interestingness, last.Feasibility, last.Novelty)
    return Idea(last.Name, title, experiment, *ratings, more={"generated": origin})


def _keep(template: Template, idea: Idea, say: Callable[[str], None]) -> bool:
    """Add the idea unless it is known by now, also by what another process added meanwhile."""

    def reject(known: tuple[Idea, ...]) -> str:
        found = similar.match(idea, known)
        return found.why if found else ""

    why = file.append(template.folder, idea, reject)
    cost = idea.more["generated"]["cost"]
    said = "cost unknown" if cost is None else f"${cost:.4f}"
    say(f"dropped {idea.name} ({said}): it {why}" if why else f"added {idea.name} ({said}): {idea.title}")
    return not why
