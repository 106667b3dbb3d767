"""The marker of chapter 9: it undoes dates.write, and refuses what has no one answer."""

from __future__ import annotations

import datetime

import pytest
import torch

from attention.seq2seq import dates
from attention.seq2seq.date_parse import true_date

DAY = datetime.date(1996, 5, 13)


@pytest.mark.parametrize("held_out", [True, False])
def test_every_written_date_is_read_back(held_out):
    rows = dates.sample(1500, held_out=held_out, generator=torch.Generator().manual_seed(7))
    assert {template for _, _, template in rows} == set(dates.TEMPLATES + dates.SLASH_TEMPLATES)
    for text, iso, template in rows:
        assert true_date(text) == iso, (text, template)


@pytest.mark.parametrize("template", dates.TEMPLATES + dates.SLASH_TEMPLATES)
def test_every_way_of_writing_one_day_means_that_day(template):
    text = dates.write(DAY, template)
    assert true_date(text) == true_date(f"  {text.upper()} ") == "1996-05-13"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("May 3rd, 97", "1997-05-03"),
        ("1997年5月3日", "1997-05-03"),
        ("3.5.97", "1997-05-03"),
        ("13/5/49", "2049-05-13"),
        ("5/5/1997", "1997-05-05"),
    ],
)
def test_known_readings(text, meaning):
    assert true_date(text) == meaning


@pytest.mark.parametrize(
    "text",
    ["", "hello", "3/5/1997", "30 February 1997", "Monday, 3 May 1997", "3rd May", "3th May 1997",
     "1899-12-31", "2100-01-01", "٣ May 1997", "3 May 1997 or so", "1" * 9999],
)  # fmt: skip
def test_no_date_or_two_dates_have_no_answer(text):
    assert true_date(text) is None
