"""Messages out of CSV files, as spreadsheets of all countries write them."""

from __future__ import annotations

import csv
import io

import pytest

from personachat.errors import QuestionSetInvalid
from personachat.history.csv_table import cell
from personachat.lab.comparisons.message_tables import (
    MOST_BYTES,
    MOST_COLUMNS,
    PickedMessages,
    column_called,
    messages_of,
    read_table,
)
from personachat.lab.comparisons.model import MOST_ROUNDS


@pytest.mark.parametrize(
    ("content", "names", "likely"),
    [
        (b"id,question\n1,How?\n2,Why?\n", ("id", "question"), 1),
        (b'Nummer;Frage\n1;"Wie; und, warum?"\n', ("Nummer", "Frage"), 1),
        (b"a\tprompt\nx\tHow?\n", ("a", "prompt"), 1),
        (b"kind|text|text\nx|How?|Why?\n", ("kind", "text", "text (2)"), 1),
        (b"How?\nWhy do trams brake so well?\n", ("Column 1",), 0),
        (b"1,How do trams brake?\n2,Why?\n", ("Column 1", "Column 2"), 1),
        (b"question\n", ("Column 1",), 0),
        (b"sep=;\r\nNr, alt;Frage\r\n1;Wie?\r\n", ("Nr, alt", "Frage"), 1),
        (b"\xef\xbb\xbf\xef\xbb\xbfquestion\nHow?\n", ("question",), 0),
        (b"id,question\r1,How?\r", ("id", "question"), 1),
    ],
)
def test_columns_are_found_whatever_parts_them(content: bytes, names: tuple[str, ...], likely: int) -> None:
    table = read_table(content)
    assert (table.names, table.likely) == (names, likely)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_letters_survive_what_a_spreadsheet_writes(encoding: str) -> None:
    table = read_table("question\nWarum heißt es „Straße“?\n".encode(encoding))
    assert messages_of(table, 0, has_names=True).messages == ("Warum heißt es „Straße“?",)


@pytest.mark.parametrize(
    ("content", "messages"),
    [
        ("question\nHello, how are you?\nWhy; and when?\n", ("Hello, how are you?", "Why; and when?")),
        ("Why?\nHello, you\n", ("Why?", "Hello, you")),
        ('question\n"Say ""hi"", please"\n', ('Say "hi", please',)),
        ('id, question\n1, "Hello, you"\n', ("Hello, you",)),
        ('id,question\n1,"Say \\"hi\\", please"\n', ('Say "hi", please',)),
        ('id,question\n1,How big is 5" in cm?\n2,And 7", please?\n', ('How big is 5" in cm?', 'And 7"')),
        ('id,question\n1,"Hi" he said\n', ("Hi he said",)),
        ('id,question\n1,"C:\\"\n', ("C:\\",)),
        ('id;question\r\n1;"Two\r\nlines; one message"\r\n', ("Two\r\nlines; one message",)),
        ('id,question\n1,""\n2,"""quoted"""\n', ('"quoted"',)),
    ],
)
def test_quotes_and_commas_are_read_as_meant(content: str, messages: tuple[str, ...]) -> None:
    table = read_table(content.encode())
    assert messages_of(table, table.likely, has_names=table.has_names).messages == messages


@pytest.mark.parametrize("rows", ['1,"Hello\n2,Why?\n3,How?\n', '1,Fine\n2,"Hello\n3,Why?'])
def test_a_quotation_mark_that_is_never_closed_is_named_with_its_line(rows: str) -> None:
    line = rows[: rows.index('"')].count("\n") + 2
    with pytest.raises(QuestionSetInvalid, match=f"on line {line} is never closed"):
        read_table(f"id,question\n{rows}".encode())


def test_rows_without_words_and_repeats_are_left_out_and_counted() -> None:
    table = read_table(b'n,question\n1,How?\n2,\n3, How? \n4,"Two\nlines"\n,,\n5\n')
    assert messages_of(table, 1, has_names=table.has_names) == PickedMessages(
        ("How?", "Two\nlines"), empty=2, repeated=1
    )


def test_a_list_longer_than_a_comparison_is_cut_and_says_so() -> None:
    table = read_table("\n".join(f"Question {number}" for number in range(MOST_ROUNDS + 7)).encode())
    picked = messages_of(table, 0, has_names=False)
    assert (len(picked.messages), picked.too_many) == (MOST_ROUNDS, 7)


def test_the_apostrophe_of_our_own_exports_goes_and_one_that_was_typed_stays() -> None:
    out = io.StringIO()
    rows = ["=1+1", "-3 degrees?", "'tis so?", "plain"]
    csv.writer(out).writerows([["message"], *([cell(each)] for each in rows)])
    assert messages_of(read_table(out.getvalue().encode()), 0, has_names=True).messages == tuple(rows)


def test_each_line_of_a_text_file_is_a_message() -> None:
    table = read_table(b"Hello, who are you?\n\nAnd; you?\n", file_name="Questions.TXT")
    assert messages_of(table, 0, has_names=False).messages == ("Hello, who are you?", "And; you?")


@pytest.mark.parametrize(
    "content", [b"", b"\n\n , ,\n", b"PK\x03\x04\x00\x00", b"x" * (MOST_BYTES + 1), b'"' + b"x" * 200_000]
)
def test_what_is_no_table_is_refused(content: bytes) -> None:
    with pytest.raises(QuestionSetInvalid):
        read_table(content)


def test_a_column_is_named_by_its_first_row_or_by_its_number() -> None:
    table = read_table(b"Nr,What to ask\n1,How?\n")
    assert [column_called(table, each) for each in ("what to ask ", "2", "nr")] == [1, 1, 0]
    for wrong in ("", "0", "3", "text", "\u00b2"):
        with pytest.raises(QuestionSetInvalid):
            column_called(table, wrong)
    with pytest.raises(QuestionSetInvalid):
        messages_of(table, 2, has_names=True)


def test_a_short_row_has_nothing_in_the_columns_that_it_lacks() -> None:
    table = read_table(b"How?\nid,text\n1,Why?\n2\n")
    assert table.names == ("Column 1", "Column 2")
    assert messages_of(table, 1, has_names=False) == PickedMessages(("text", "Why?"), empty=2)


def test_one_wide_row_does_not_make_all_others_as_wide() -> None:
    wide = b"," * (MOST_COLUMNS - 1) + b"\n"
    table = read_table(b"question" + wide + b"x\n" * 200_000)
    assert sum(map(len, table.rows)) == MOST_COLUMNS + 200_000
    assert messages_of(table, 0, has_names=True).messages == ("x",)


def test_more_columns_than_any_table_has_are_refused() -> None:
    with pytest.raises(QuestionSetInvalid, match=f"at most {MOST_COLUMNS}"):
        read_table(b"a" + b"," * MOST_COLUMNS + b"\n" + b"x\n" * 1_000)
