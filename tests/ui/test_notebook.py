"""A view in a notebook is one self-contained page, with its texts escaped."""

from __future__ import annotations

import html

import pytest

from attention.ui.notebook import show


def test_a_notebook_gets_the_whole_view_in_a_frame():
    frame = show("masks", text="hello world")._repr_html_()
    assert frame.startswith("<iframe srcdoc=") and "hello" in frame
    page = html.unescape(frame)
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "") and "https://" not in page


def test_typed_markup_stays_text_in_the_saved_page(tmp_path):
    show("masks", text="</script><script>alert(1)</script>").save(tmp_path / "view.html")
    page = (tmp_path / "view.html").read_text("utf-8")
    assert "<script>alert(1)" not in page
    # the only scripts are the library and the one line that mounts the payload
    assert page.count("<script>") == 2


def test_an_unknown_tab_is_named():
    with pytest.raises(ValueError, match="matchmaker"):
        show("nowhere")
