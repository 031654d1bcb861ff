"""The coding agent: aider's SEARCH/REPLACE coder over a language model.

aider is used for what it is good at: the edit format, the parsing and applying of replies, and its complaints about
blocks that do not fit. Everything else that it can do is switched off (sealed_aider.py). An edit is judged by what
changed on disk, and is all or nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ai_scientist.agents.model import LanguageModel, Reply, Request
from ai_scientist.agents.sealed_aider import aider
from ai_scientist.agents.transcript import Transcript
from ai_scientist.errors import ContextFull
from ai_scientist.files import write_bytes
from ai_scientist.interrupts import not_swallowed
from ai_scientist.lab import Edit, EditStatus, Turn, Usage

MAX_REFLECTIONS = 2
# aider's matching takes minutes for replies of megabytes.
MAX_REPLY_CHARACTERS = 400_000
MAX_DETAIL = 4_000
NOTHING_APPLIED = "Nothing of the reply was applied."


class AiderAgent:
    """Edits `files` in `folder`. Stateless: a turn's chat is the transcript of the turns that `earlier()` names.

    `summary()` takes the place of that chat where it does not fit the model's context any more.
    """

    def __init__(
        self,
        folder: Path,
        files: Sequence[str],
        model: LanguageModel,
        transcript: Transcript,
        system: str,
        earlier: Callable[[], Iterable[int]],
        summary: Callable[[], str],
    ) -> None:
        self._folder = folder.resolve()
        self._files = tuple(files)
        self._model = model
        self._transcript = transcript
        self._system = system
        self._earlier = earlier
        self._summary = summary

    @staticmethod
    def preload() -> None:
        """Import aider, which takes seconds; meant for a thread beside other work."""
        aider()

    def edit(self, prompt: str, turn: Turn) -> Edit:
        """Do one turn. Where the chat is too long for the model, it is shortened as far as it must be."""
        for history in self._histories():
            try:
                return self._turn(prompt, turn, history)
            except ContextFull as error:
                full = error
        raise full

    def _histories(self) -> Iterator[list[dict[str, str]]]:
        """The chat whole; then a summary in place of all but the last turn; then the summary alone."""
        turns = list(self._earlier())
        yield self._transcript.history(turns)
        if turns:
            summary = [{"role": "user", "content": self._summary()}, {"role": "assistant", "content": "Understood."}]
            yield summary + self._transcript.history(turns[-1:])
            yield summary

    def _turn(self, prompt: str, turn: Turn, history: list[dict[str, str]]) -> Edit:
        before = self._contents()
        voice = _Voice(self._model, turn)
        try:
            coder = self._coder(voice, history)
            coder.run(with_message=prompt, preproc=False)
            if voice.failure is not None:
                raise voice.failure
            not_swallowed()  # aider takes Ctrl-C for its user's wish to break off the reply
        except BaseException:
            self._restore(before)
            raise
        status, detail = self._judge(coder, voice, before)
        if status in ("malformed", "forbidden"):
            self._restore(before)
        changed = tuple(name for name, content in self._contents().items() if content != before[name])
        return Edit(status, changed, detail, voice.replies[-1].text, sum((r.usage for r in voice.replies), Usage()))

    def _judge(self, coder: Any, voice: "_Voice", before: Mapping[str, bytes]) -> tuple[EditStatus, str]:
        if voice.cut:
            return "malformed", f"{voice.cut} {NOTHING_APPLIED} Send fewer and smaller blocks."
        if coder.forbidden:
            names = ", ".join(f"{name:.200}" for name in dict.fromkeys(coder.forbidden))
            allowed = ", ".join(self._files)
            return "forbidden", f"It edits {names}, but only {allowed} may be edited. {NOTHING_APPLIED}"
        if coder.reflected_message:
            return "malformed", f"{coder.reflected_message[:MAX_DETAIL]}\n{NOTHING_APPLIED}"
        return ("applied" if self._contents() != before else "unchanged"), ""

    def _coder(self, voice: "_Voice", history: list[dict[str, str]]) -> Any:
        parts = aider()
        model = parts.Model(voice)
        model.system_prompt_prefix = self._system
        coder = parts.Coder(
            main_model=model,
            io=parts.IO(),
            fnames=[str(self._folder / name) for name in self._files],
            done_messages=history,
            use_git=False,
            auto_commits=False,
            auto_lint=False,
            auto_test=False,
            map_tokens=0,
            cache_prompts=True,
            stream=False,
            detect_urls=False,
            suggest_shell_commands=False,
            restore_chat_history=False,
            chat_language="English",
            analytics=SimpleNamespace(event=lambda *_, **__: None),
            summarizer=SimpleNamespace(too_big=lambda _: False),
        )
        coder.files = self._files
        coder.allowed = {str(self._folder / name) for name in self._files}
        coder.max_reflections = MAX_REFLECTIONS
        return coder

    def _contents(self) -> dict[str, bytes]:
        return {name: (self._folder / name).read_bytes() for name in self._files}

    def _restore(self, contents: Mapping[str, bytes]) -> None:
        for name, content in contents.items():
            path = self._folder / name
            if path.is_symlink() or path.read_bytes() != content:
                write_bytes(path, content)


class _Voice:
    """The model as one turn hears it: counts the requests, keeps the replies, remembers what went wrong."""

    def __init__(self, model: LanguageModel, turn: Turn) -> None:
        self._model = model
        self._turn = turn
        self.replies: list[Reply] = []
        self.failure: BaseException | None = None
        self.cut = ""

    def answer(self, messages: Sequence[Mapping[str, Any]], said: str) -> Any:
        plain = tuple({"role": str(m["role"]), "content": _text(m["content"])} for m in messages)
        marked = tuple(place for place, m in enumerate(messages) if not isinstance(m["content"], str))
        try:
            reply = self._model.reply(Request(self._turn, len(self.replies), plain, said, stable=marked))
        except BaseException as error:
            self.failure = error  # aider would swallow it, Ctrl-C included
            raise
        self.replies.append(reply)
        finish = reply.finish_reason
        if finish == "length":
            self.cut = "The reply was cut off at the model's output limit."
        elif finish == "withheld":
            self.cut, finish = "The reply was withheld or broken off by the provider's filter.", "length"
        elif len(reply.text) > MAX_REPLY_CHARACTERS:
            self.cut, finish = f"The reply is longer than {MAX_REPLY_CHARACTERS:,} characters.", "length"
        message = SimpleNamespace(content=reply.text, tool_calls=None, reasoning_content=None)
        usage = SimpleNamespace(prompt_tokens=0, completion_tokens=0)
        return SimpleNamespace(choices=[SimpleNamespace(message=message, finish_reason=finish)], usage=usage)


def _text(content: Any) -> str:
    """The text of a message; aider makes a list of blocks of it where it marks it for caching."""
    return content if isinstance(content, str) else "".join(str(block["text"]) for block in content)
