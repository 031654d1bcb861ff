"""The coding agent: aider's SEARCH/REPLACE coder over a language model. The only module that imports aider.

aider is used for what it is good at: the edit format, the parsing and applying of replies, and its complaints about
blocks that do not fit. Everything else that it can do is switched off: commands, shell, URLs, git, linting, analytics,
browser, files outside the chat, its own retries and summaries. An edit is judged by what changed on disk, and is all or
nothing.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ai_scientist.agents.litellm_model import load
from ai_scientist.agents.model import LanguageModel, Reply, Request
from ai_scientist.agents.transcript import Transcript
from ai_scientist.errors import ContextFull
from ai_scientist.files import write_bytes, write_text
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
        _parts()

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
        parts = _parts()
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


@cache
def _parts() -> Any:
    """aider's classes with everything switched off, defined when aider is first needed."""
    load()
    from aider.coders.editblock_coder import EditBlockCoder
    from aider.io import InputOutput
    from aider.models import Model

    class QuietIO(InputOutput):  # type: ignore[misc]
        """Says no to every question, shows nothing, opens nothing, and writes files atomically."""

        def __init__(self) -> None:
            super().__init__(pretty=False, yes=False, fancy_input=False)

        def confirm_ask(self, *_: Any, **__: Any) -> bool:
            return False

        def offer_url(self, *_: Any, **__: Any) -> bool:
            return False

        def write_text(self, filename: str, content: str, *_: Any, **__: Any) -> None:
            write_text(Path(filename), content)

        def _silent(self, *_: Any, **__: Any) -> None:
            pass

        tool_output = tool_error = tool_warning = ai_output = user_input = append_chat_history = _silent
        assistant_output = log_llm_history = llm_started = rule = _silent

    class SeamModel(Model):  # type: ignore[misc]
        """A model whose completions come from our seam; nothing is looked up about it anywhere."""

        def __init__(self, voice: _Voice) -> None:
            self.voice = voice
            self.coder: Any = None
            super().__init__("ai-scientist", weak_model=False, editor_model=False)
            self.cache_control = True  # marks for the seam; each model makes of them what its provider knows

        def get_model_info(self, *_: Any) -> dict[str, Any]:
            return {}

        def validate_environment(self) -> dict[str, Any]:
            return {"missing_keys": [], "keys_in_environment": True}

        def token_count(self, messages: Any) -> int:
            return len(str(messages)) // 4

        def send_completion(self, messages: Any, *_: Any, **__: Any) -> Any:
            return hashlib.sha1(b""), self.voice.answer(messages, self.coder.cur_messages[-1]["content"])

    class SealedCoder(EditBlockCoder):  # type: ignore[misc]
        """Edits the files of its chat and nothing else; what names another file is remembered as forbidden."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.allowed: set[str] = set()
            self.forbidden: list[str] = []
            self.main_model.coder = self

        def format_chat_chunks(self) -> Any:
            """The chat so far, which only grows, is worth caching, too; aider marks the system prompt and the files."""
            chunks = super().format_chat_chunks()
            chunks.done = [dict(message) for message in chunks.done]
            chunks.add_cache_control(chunks.done)
            return chunks

        def get_edits(self) -> list[Any]:
            edits: list[Any] = super().get_edits()
            self.forbidden += [edit[0] for edit in edits if not self.allowed_to_edit(edit[0])]
            return [] if self.forbidden else edits

        def allowed_to_edit(self, path: str) -> bool:
            return os.path.realpath(os.path.join(self.root, path)) in self.allowed  # noqa: PTH118

        def _nothing(self, *_: Any, **__: Any) -> None:
            return None

        check_for_file_mentions = summarize_start = summarize_end = check_and_open_urls = keyboard_interrupt = _nothing
        run_shell_commands = show_usage_report = calculate_and_show_tokens_and_cost = auto_commit = _nothing

        def check_tokens(self, _: Any) -> bool:
            return True

    return SimpleNamespace(Coder=SealedCoder, IO=QuietIO, Model=SeamModel)
