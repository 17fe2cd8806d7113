"""Colours and words that drawings share. Colours: reference sqlflow-lineage-model, section 4.5."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_sqlflow.engine.model import RelationKind

KIND_COLOURS: Mapping[RelationKind, str] = {
    RelationKind.TABLE: "#91c051",
    RelationKind.VIEW: "#419a5f",
    RelationKind.MATERIALIZED_VIEW: "#419a5f",
    RelationKind.TEMP_TABLE: "#91c051",
    RelationKind.CTE: "#ff6e97",
    RelationKind.SUBQUERY: "#d26b58",
    RelationKind.RESULT: "#d26b58",
    RelationKind.FUNCTION: "#a0a0a0",
    RelationKind.PATH: "#6d30ea",
    RelationKind.STAGE: "#6d30ea",
    RelationKind.STREAM: "#6d30ea",
    RelationKind.VARIABLE: "#00a4eb",
    RelationKind.CONSTANT: "#a0a0a0",
}

_DARK = frozenset({"#419a5f", "#6d30ea"})

DIRECT_COLOUR = "#2f4b7c"
INDIRECT_COLOUR = "#a0522d"
BORDER_COLOUR = "#c8ccd2"
NOTE_COLOUR = "#6b7280"
ROW_COLOUR = "#f7f7f7"

_DIRECT_SHADES = (DIRECT_COLOUR, "#0f766e", "#6d28d9", "#0369a1", "#475569")
_INDIRECT_SHADES = (INDIRECT_COLOUR, "#b45309", "#be123c", "#a16207", "#9f1239")


def line_colour(is_direct: bool, number: int) -> str:
    """A line's colour: cold where the value flows, warm where it only decides.

    The shade, chosen by the ``number`` of the source, only helps the eye to follow a line among others.
    """
    shades = _DIRECT_SHADES if is_direct else _INDIRECT_SHADES
    return shades[number % len(shades)]


def text_colour(background: str) -> str:
    """Black or white, whichever can be read on the background."""
    return "#ffffff" if background in _DARK else "#1b1b1b"


def kind_title(kind: RelationKind) -> str:
    """The kind in plain words."""
    return "query result" if kind is RelationKind.RESULT else kind.value.replace("_", " ")


def printable(text: str) -> str:
    """The text with a space for every line break and control code.

    XML 1.0 cannot hold most control codes, not even escaped, and no drawing shows them.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " for char in text)


def one_line(text: str) -> str:
    """The text on one line: runs of spaces, line breaks and control codes become one space."""
    return " ".join(printable(text).split())


def shorten(text: str, width: int) -> str:
    """The text, cut with an ellipsis where it is longer than ``width`` characters."""
    return text if len(text) <= width else text[: width - 1] + "\u2026"
