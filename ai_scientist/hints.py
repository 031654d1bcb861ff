"""What a person can do about an experiment that fails as it came: told by the end of its traceback."""

import re

_MODULE = re.compile(r"^ModuleNotFoundError: No module named '([\w.]+)'", re.MULTILINE)
_FILE = re.compile(r"^(?:\w+\.)*(?:FileNotFoundError|PermissionError|NotADirectoryError):.*?'([^'\n]+)'", re.MULTILINE)
_EXISTS = re.compile(r"^(?:\w+\.)*FileExistsError:.*?'([^'\n]+)'", re.MULTILINE)
_READ_ONLY = re.compile(r"^OSError: \[Errno 30\].*?'([^'\n]+)'", re.MULTILINE)
_NO_GPU = re.compile(r"not compiled with CUDA|Found no NVIDIA driver|No CUDA GPUs are available|no CUDA-capable device")
_NETWORK = re.compile(
    r"gaierror|URLError|NewConnectionError|NameResolutionError|MaxRetryError|Network is unreachable|ProxyError"
    r"|ConnectError|socket\.py\", line|Temporary failure in name resolution|ConnectionRefusedError|couldn't connect to"
)


def hint(said: str, python: str, *, network: bool) -> str:
    """One sentence on what is missing, and how to give it; "" where the traceback does not tell."""
    if module := _MODULE.findall(said):
        return (
            f"The package {module[-1].partition('.')[0]} is not installed for {python}: name it in the "
            f"template's requirements.txt, or an interpreter that has it with --python."
        )
    if _NO_GPU.search(said):
        return (
            "It asks for a GPU, and there is none here: let it take the device that there is, or run it where one is."
        )
    if not network and _NETWORK.search(said):
        return (
            "It wanted the network, which runs do not have: download what it needs beforehand and let it be read with "
            '--data PATH, or say "network = true" in template.toml and --allow-network.'
        )
    if exists := _EXISTS.findall(said):
        return f"The output folder is there before the script starts: let it create {exists[-1]} with exist_ok=True."
    if written := _READ_ONLY.findall(said):
        return f"It writes {written[-1]}, outside its output folder: let it write in the folder --out_dir alone."
    if (files := _FILE.findall(said)) and _lies_outside(files[-1]):
        return (
            f"It reads or writes {files[-1]}, outside the study, which runs are not shown: put data into the "
            f'template\'s folder, or name its folder with --data PATH or in "data" of template.toml; results go into '
            f"the folder --out_dir alone."
        )
    return ""


def _lies_outside(name: str) -> bool:
    return name.startswith(("/", "~", "../"))
