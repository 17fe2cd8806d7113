import json

from airflow_provider_sqlflow.formats.sqlflow.pieces import Items, Members, iter_pieces, plain


def document() -> Members:
    return Members({"a": 1, "b": Items(iter([{"c": "ü"}, Members({"d": Items([])}), []])), "e": Members({})})


def test_pieces_together_are_the_compact_document() -> None:
    text = "".join(iter_pieces(document()))
    assert text == '{"a":1,"b":[{"c":"ü"},{"d":[]},[]],"e":{}}\n'
    assert json.loads(text) == plain(document())


def test_long_lists_come_in_pieces_and_are_made_while_they_are_written() -> None:
    made: list[int] = []

    def items():
        for number in range(5000):
            made.append(number)
            yield {"number": number, "text": "x" * 50}

    pieces = iter_pieces(Items(items()))
    first = next(pieces)
    assert len(made) < 1500
    rest = list(pieces)
    assert len(rest) > 2
    assert len(json.loads(first + "".join(rest))) == 5000
