"""No English is left over in the Chinese page."""

from __future__ import annotations

import re

import pytest

from attention.ui import TABS

# three English words in a row are a sentence that was not translated; names and code are shorter
SENTENCE = re.compile(r"(?:\b[A-Za-z][a-z]+\b[ ,]+){2,}\b[a-z]{2,}\b")
OWN_TEXT = {"applications": "&text=这道菜不油腻，很好吃"}  # the default is an English review
# what is the learner's own text or an English example stands in fields, cells and token labels
READ = """(id) => {
  const copy = document.querySelector('#tab-' + id).cloneNode(true);
  const own = '.am-examples, .am-tokenbar, em, code, pre, textarea, input, table, svg, canvas, .katex';
  for (const node of copy.querySelectorAll(own)) node.remove();
  return copy.innerText || copy.textContent;
}"""


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.id)
def test_no_english_sentence_is_left(open_page, tab):
    page = open_page(
        f"?tab={tab.id}&lang=zh{OWN_TEXT.get(tab.id, '')}",
        path="/zh",
        locale="zh-CN",
        ready=f"#view-{tab.id} .am-panel:visible",
    )
    page.evaluate(
        "(id) => document.querySelectorAll(`#tab-${id} details`).forEach((d) => (d.open = true))", tab.id
    )
    page.wait_for_timeout(300)
    text = re.sub("“[^”]*”", "", page.evaluate(READ, tab.id))  # quoted: what a learner may type
    assert re.search(r"[\u4e00-\u9fff]{4}", text)
    assert not SENTENCE.findall(text), SENTENCE.findall(text)[:5]


def test_the_title_and_the_language_of_the_page_are_chinese(open_page):
    page = open_page("?lang=zh", path="/zh", locale="zh-CN")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert page.title() == "注意力红娘"


# a mark that begins a line, with the letters before it; at the page's own width and at some narrower ones
BROKEN = """() => {
  const found = [];
  for (const block of document.querySelectorAll('.am-lead .md, .am-lesson .md, .am-heading p')) {
    for (const width of ['', ...Array.from({ length: 10 }, (_, i) => `${290 + 7 * i}px`)]) {
      block.style.width = width;
      const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT), letters = [];
      while (walker.nextNode()) {
        const { data, parentElement } = walker.currentNode;
        if (parentElement.closest('.katex')) continue;
        for (let i = 0; i < data.length; i++) {
          const range = document.createRange();
          range.setStart(walker.currentNode, i);
          range.setEnd(walker.currentNode, i + 1);
          const { width, top, bottom } = range.getBoundingClientRect();
          if (width) letters.push({ letter: data[i], top, bottom });
        }
      }
      letters.forEach(({ letter, top }, i) => {
        const below = i && top >= letters[i - 1].bottom && '。，、；：？！）”」'.includes(letter);
        const line = letters.slice(Math.max(0, i - 9), i + 1);
        if (below) found.push(line.map((one) => one.letter).join(''));
      });
    }
    block.style.width = '';
  }
  return found;
}"""


@pytest.mark.parametrize("tab", ["cost", "decoder"])
def test_no_line_begins_with_the_mark_behind_a_term(open_page, tab):
    """A term is a button, beside which a browser breaks a line before any mark."""
    page = open_page(
        f"?tab={tab}&lang=zh", path="/zh", ready=f"#view-{tab} .am-panel:visible", locale="zh-CN",
        viewport={"width": 390, "height": 800},
    )  # fmt: skip
    page.locator(".am-lesson:visible button").first.click()
    page.locator(".am-lesson .am-kept").first.wait_for()
    assert page.locator(".am-kept", has_text="。").count()
    assert page.evaluate(BROKEN) == []
