"""YAML with the line of each key. Keys are text, a key given twice is told, dates stay text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml  # type: ignore[import-untyped]

Key = str | int
_STR = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"


class YamlError(Exception):
    """The file cannot be read at all. ``line`` counts from 1, 0 where unknown."""

    def __init__(self, message: str = "", line: int = 0) -> None:
        super().__init__(message, line)
        self.line = line

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Document:
    """A file's content.

    Attributes:
        content: plain values.
        lines: the line of each key and item, by the keys that lead to it.
        bad_keys: keys that are no text or come twice, and why they cannot be used.
    """

    content: Any
    lines: Mapping[tuple[Key, ...], int]
    bad_keys: tuple[tuple[tuple[Key, ...], str], ...]

    def line(self, key: Sequence[Key]) -> int:
        """The line of a key, or of the nearest one above it that is in the file."""
        path = tuple(key)
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def load_document(path: Path) -> Document:
    """Read a file.

    Raises:
        YamlError: it cannot be read, or is no YAML.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise YamlError(f"cannot read it: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise YamlError(f"it is not UTF-8: {error}") from None
    loader = _loader_class()(text)
    try:
        node = loader.get_single_node()
        lines: dict[tuple[Key, ...], int] = {}
        bad: list[tuple[tuple[Key, ...], str]] = []
        if node is not None:
            for key, line, problem in _walk(node, (), frozenset()):
                lines.setdefault(key, line)
                if problem:
                    lines[key] = line
                    bad.append((key, problem))
        content = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        hint = ""
        if "cannot start any token" in str(error.problem) or "alias" in f"{error.context} {error.problem}":
            hint = " (a value that begins with * or @ needs quotes)"
        raise YamlError(f"{error.problem}{hint}", 0 if mark is None else mark.line + 1) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise YamlError(f"it is no YAML: {error}") from None
    finally:
        loader.dispose()
    return Document(content, lines, tuple(bad))


def _walk(
    node: yaml.Node, path: tuple[Key, ...], above: frozenset[int]
) -> Iterator[tuple[tuple[Key, ...], int, str]]:
    """Each key below a node, its line, and what is wrong with it."""
    import yaml

    if id(node) in above:
        return
    above |= {id(node)}
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        merged = [value for key_node, value in node.value if key_node.tag == _MERGE]
        for key_node, value in node.value:
            if key_node.tag == _MERGE:
                continue
            key, line = (*path, str(key_node.value)), key_node.start_mark.line + 1
            problem = ""
            if key_node.tag != _STR:
                problem = "a name must be text: put it in quotes"
                key_node.tag = _STR
            elif key_node.value in seen:
                problem = "this key is given twice"
            seen.add(str(key_node.value))
            yield key, line, problem
            yield from _walk(value, key, above)
        for value in merged:  # behind the mapping's own keys, which hide theirs
            yield from _walk(value, path, above)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            key = (*path, number)
            yield key, item.start_mark.line + 1, ""
            yield from _walk(item, key, above)


def _loader_class() -> Any:
    """PyYAML's safe loader, the compiled one where there is one, without dates."""
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolvers = {
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
        for first, found in base.yaml_implicit_resolvers.items()
    }
    return type("_Loader", (base,), {"yaml_implicit_resolvers": resolvers})
