"""aider's SEARCH/REPLACE coder with everything else of it switched off. The only module that imports aider.

Switched off are commands, shell, URLs, git, linting, analytics, browser, files outside the chat, its own retries and
summaries. Its completions come from a voice of ours.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from ai_scientist.agents.litellm_model import load
from ai_scientist.agents.naming import named
from ai_scientist.files import write_text


class Voice(Protocol):
    """Whose words aider takes for a model's."""

    def answer(self, messages: Sequence[Mapping[str, Any]], said: str) -> Any:
        """The completion as litellm gives it; `said` is the last message of the person or of aider."""
        ...


@cache
def aider() -> Any:
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

        def __init__(self, voice: Voice) -> None:
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
            self.files: tuple[str, ...] = ()
            self.forbidden: list[str] = []
            self.main_model.coder = self

        def format_chat_chunks(self) -> Any:
            """The chat so far, which only grows, is worth caching, too; aider marks the system prompt and the files."""
            chunks = super().format_chat_chunks()
            chunks.done = [dict(message) for message in chunks.done]
            chunks.add_cache_control(chunks.done)
            return chunks

        def get_edits(self) -> list[Any]:
            edits = named(super().get_edits(), self.files)
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
