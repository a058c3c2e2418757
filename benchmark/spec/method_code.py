"""Compare a method's code with the code that made a run. No torch.

A run records two digests of its method: ``source``, of the file's bytes, and ``code``, of its
syntax tree without docstrings. Comments and layout do not change the second. Older files that were
verified to give the same bits as today's code are listed in results/same_code.toml.
"""

import ast
import hashlib
import tomllib
from functools import cache
from pathlib import Path

from benchmark.places import SAME_CODE
from datasets.files import read_bytes

SHOWN = {"NAME", "RANGES"}
"""Constants of a method for pages and for tuning, on which no result depends."""
LARGEST = 2**20  # bytes of a file


def code_digest(path: Path) -> str:
    """SHA-256 of the code in the file and in the modules beside it that it imports.

    Comments, docstrings, layout and the constants SHOWN do not count. Raises OSError, and
    SyntaxError or ValueError for a file that is not Python.
    """
    content = hashlib.sha256()
    for file in files_of(path):
        content.update(ast.unparse(_bare(_parsed(file))).encode() + b"\0")
    return content.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of the file's bytes. Raises OSError."""
    return hashlib.sha256(read_bytes(path, LARGEST)).hexdigest()


def stands(name: str, made_by: tuple[str, str | None], now: tuple[str, str]) -> bool:
    """True if the code ``now`` is known to give the same bits as the code ``made_by``.

    name: the method. made_by: a run's ``source`` and ``code``, None in runs made before codes
    were recorded. now: the method's ``source`` and ``code`` today.
    """
    source, code = made_by
    if source == now[0]:
        return code in (None, now[1])  # the same file may import a changed one
    return code == now[1] or source in _verified().get((name, now[1]), ())


@cache
def _verified() -> dict[tuple[str, str], set[str]]:
    """Digests of older files by method and by the digest of the code that gives the same bits."""
    tables = tomllib.loads(SAME_CODE.read_text(encoding="utf-8"))["same"]
    return {(table["method"], table["code"]): {*table["sources"]} for table in tables}


def _parsed(path: Path) -> ast.Module:
    return ast.parse(read_bytes(path, LARGEST), str(path))


def _bare(tree: ast.Module) -> ast.Module:
    """The tree without docstrings and without the constants SHOWN."""
    tree.body = [each for each in tree.body if not _is_shown(each)]
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [each for each in body if not _is_text(each)]
    return tree


def _is_shown(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(target, ast.Name) and target.id in SHOWN for target in targets)


def _is_text(node: ast.stmt) -> bool:
    expression = node.value if isinstance(node, ast.Expr) else None
    return isinstance(expression, ast.Constant) and isinstance(expression.value, str)


def files_of(path: Path) -> list[Path]:
    """The file, then, sorted, the files of its folder that it imports, directly or not."""
    files, todo = [path], [path]
    while todo:
        for name in sorted(_imported(_parsed(todo.pop()))):
            for file in _modules(path.parent, name.partition(".")[0]):
                if file not in files:
                    files.append(file)
                    todo.append(file)
    return [path, *sorted(files[1:])]


def _modules(folder: Path, name: str) -> list[Path]:
    """The file of a module, or all files of a package."""
    file = folder / f"{name}.py"
    return [file] if file.is_file() else sorted((folder / name).rglob("*.py"))


def _imported(tree: ast.Module) -> set[str]:
    nodes = list(ast.walk(tree))
    plain = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    return plain | {n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module}
