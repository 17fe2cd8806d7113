"""Frozen values made at the cost of plain ones are the values that their class makes."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace

import pytest

from airflow_provider_sqlflow.engine import (
    ColumnRef,
    Diagnostic,
    Edge,
    Effect,
    RelationId,
    Severity,
    Span,
    Subtype,
)
from airflow_provider_sqlflow.engine.values import maker

SPAN = Span("a.sql", 1, 2, 3, 4)
REF = ColumnRef(RelationId(None, "shop", "orders"), "amount")
VALUES = [
    (Span, ("a.sql", 1, 2, 3, 4)),
    (ColumnRef, (RelationId(None, "shop", "orders"), None)),
    (Edge, (REF, REF, Effect.DIRECT, Subtype.IDENTITY)),
    (Edge, (REF, REF, Effect.INDIRECT, Subtype.FILTER, "amount > 1", SPAN, 7, True)),
    (Diagnostic, (Severity.INFO, "code", "message", SPAN)),
]


@pytest.mark.parametrize(("cls", "arguments"), VALUES)
def test_a_made_value_is_as_good_as_one_of_the_class(cls, arguments):
    made, plain = maker(cls)(*arguments), cls(*arguments)
    assert type(made) is cls
    assert (made, hash(made), repr(made)) == (plain, hash(plain), repr(plain))
    assert pickle.loads(pickle.dumps(made)) == plain


def test_a_made_value_is_frozen():
    made = maker(Span)("a.sql", 1, 2, 3, 4)
    with pytest.raises(FrozenInstanceError):
        made.start_line = 5
    assert replace(made, start_line=5) == Span("a.sql", 5, 2, 3, 4)


def test_wrong_arguments_are_refused():
    with pytest.raises(TypeError):
        maker(Span)("a.sql", 1)
