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
