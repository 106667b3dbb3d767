"""The saved page: what stands around a view that has left the app, and the arithmetic it takes along.

Title, inputs in the page's words, the lesson with its questions and room to write, and the link back:
plain markup with every text escaped. Formulas become small pictures, since the page fetches nothing.
"""

from __future__ import annotations

import base64
import html
import io
import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from .fields import Inputs, as_json, check_all
from .guard import Json, Refusal
from .panels import Panel
from .scene import Goal, Place, Point, Scene, Tab, Task
from .steps import lesson_of
from .texts import Words, lesson, words_for

SHEETS, BYTES = 300, 1_500_000  # the most arithmetic that a page takes along
PARTS = re.compile(
    r"\\\((.+?)\\\)|\\\[(.+?)\\\]|\*\*(.+?)\*\*|\*([^*\s][^*]*)\*|`(.+?)`|\[([^\]]+)\]\((https?://[^)\s]+)\)",
    re.DOTALL,
)


def sheets_of(scene: Scene[Any, Any], study: Any, panels: Sequence[Panel], words: Words) -> Json:
    """The arithmetic of the cells of these panels, in reading order, as far as the bounds go.

    By "panel.row.column", as the page asks for them; of a recorded training the last step.
    """
    found: Json = {}
    size = 0
    for name, frame, row, column in _cells(panels):
        try:
            sheet = scene.sheet(study, words, Place(name, row, column, frame)).encode()
        except Refusal:
            continue
        size += len(json.dumps(sheet, ensure_ascii=False).encode())
        if len(found) == SHEETS or size > BYTES:
            break
        found[f"{name}{'@' if frame else ''}{frame}.{row}.{column}"] = sheet
    return found


def _cells(panels: Sequence[Panel]) -> Iterator[tuple[str, str, int, int]]:
    for panel in panels:
        drawn: dict[str, Any] = dict(panel.encode())
        recorded = drawn["kind"] == "player"
        if not (recorded or drawn.get("opens")):
            continue
        frame = str(len(drawn["steps"]) - 1) if recorded else ""
        for row in range(len(drawn.get("rows", ()))):
            for column in range(len(drawn.get("columns", ()))):
                yield drawn["id"], frame, row, column


def above(tab: Tab[Any], scene: Scene[Any, Any], inputs: Inputs, language: str) -> str:
    """The title and the inputs, as markup."""
    words, given = words_for(language), as_json(inputs)
    shown = {name: _value(tab, name, given[name], words) for name in given}
    rows = "".join(
        f"<tr><th scope='row'>{html.escape(words(f'{tab.id}.{name}'))}</th><td>{value}</td></tr>"
        for name, value in shown.items()
        if name in (*tab.switches, *scene.fields)
    )
    return (
        f"<header class='am-saved'><h1>{html.escape(words(f'{tab.id}.title'))}</h1>"
        f"<table class='am-saved-inputs'><caption>{html.escape(words('view.inputs'))}</caption>"
        f"<tbody>{rows}</tbody></table></header>"
    )


def _value(tab: Tab[Any], name: str, value: object, words: Words) -> str:
    """One input as the page writes it."""
    if isinstance(value, bool):
        return html.escape(words("view.yes" if value else "view.no"))
    if isinstance(value, dict):
        lines = (f"{words.get(f'view.{key}', key)}: {_listed(one)}" for key, one in value.items())
        return "<br>".join(html.escape(line) for line in lines)
    text = words.get(f"{tab.id}.{name}.{value}", str(value)) if isinstance(value, str) else f"{value}"
    return html.escape(text).replace("\n", "<br>") or "–"


def _listed(value: object) -> str:
    """A list in words: its entries, nested ones in brackets."""
    if not isinstance(value, list):
        return str(value)
    return ", ".join(f"({_listed(one)})" if isinstance(one, list) else str(one) for one in value)


def below(tab: Tab[Any], scene: Scene[Any, Any], study: Any, language: str, address: str) -> str:
    """The lesson: its steps with their questions and room to write; and the link of the view."""
    words, steps = words_for(language), lesson_of(tab, language)
    told: list[str] = []
    for number, step in enumerate(steps, 1):
        asked = question_of(tab, step.inputs, step.task, words) if step.task else ""
        told.append(
            f"<section class='am-saved-step'><h3>{number}. {html.escape(step.title)}</h3>"
            f"{prose(step.text)}{asked}</section>"
        )
    if not steps:
        told.append(prose(lesson(tab.id, language)))
        told += [question(task, words) for task in scene.tasks(study, words)]
    title = html.escape(words("app.lesson"))
    return (
        f"<section class='am-saved am-saved-lesson'><h2>{title}</h2>{''.join(told)}</section>"
        f"<footer class='am-saved'>{linked(address)}</footer>"
    )


def linked(address: str) -> str:
    """An address that can be followed; one without a place is text."""
    text = html.escape(address)
    return f"<a href='{text}'>{text}</a>" if address.startswith("http") else text


def question_of(tab: Tab[Any], inputs: Json, task: str, words: Words) -> str:
    """The question of a step, for the inputs of that step; "" while its model is on its way."""
    try:
        checked = check_all(tab.id, tab.inputs, inputs)
        scene = tab.scene_of(checked)
        tasks = scene.tasks(scene.study(checked), words)
    except Refusal:
        return ""
    return "".join(question(one, words) for one in tasks if one.id == task)


def question(task: Task | Point | Goal, words: Words) -> str:
    """A question with its options to tick, or lines to write on."""
    options = task.options if isinstance(task, Task) else None
    room = "".join(f"<li>{html.escape(option)}</li>" for option in options or ())
    unit = html.escape(task.unit) if isinstance(task, Task) else ""
    lines = f"<ul class='am-tick'>{room}</ul>" if room else ""
    return (
        f"<div class='am-ask'><p>{html.escape(task.question)}</p>{lines}"
        f"<div class='am-room' role='presentation'>{unit}</div><div class='am-room'></div></div>"
    )


def prose(text: str) -> str:
    """A lesson's Markdown as markup: headings, lists, paragraphs, bold, code, links and formulas."""
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.split("\n")
        heading = re.match(r"(#+) +(.*)", lines[0])
        if heading:
            blocks.append(f"<h4>{_inline(heading[2])}</h4>")
            lines = lines[1:]
        item = re.compile(r"(?:[-*]|\d+\.) +(.*)", re.DOTALL)
        if lines and item.match(lines[0]):
            kind = "ol" if lines[0][0].isdigit() else "ul"
            items = re.split(r"\n(?=(?:[-*]|\d+\.) )", "\n".join(lines))
            inner = "".join(f"<li>{_inline(item.sub(lambda at: at[1], one, count=1))}</li>" for one in items)
            blocks.append(f"<{kind}>{inner}</{kind}>")
        elif lines:
            blocks.append(f"<p>{_inline(' '.join(lines))}</p>")
    return "".join(blocks)


def _inline(text: str) -> str:
    done, out = 0, []
    for found in PARTS.finditer(text):
        inline, display, bold, slanted, code, label, target = found.groups()
        out.append(html.escape(text[done : found.start()]))
        if inline or display:
            out.append(formula(" ".join((inline or display).split())))
        elif bold:
            out.append(f"<strong>{_inline(bold)}</strong>")
        elif slanted:
            out.append(f"<em>{_inline(slanted)}</em>")
        elif code:
            out.append(f"<code>{html.escape(code)}</code>")
        else:
            out.append(f"<a href='{html.escape(target)}'>{html.escape(label)}</a>")
        done = found.end()
    return "".join([*out, html.escape(text[done:])])


@lru_cache(maxsize=256)
def formula(tex: str) -> str:
    """A formula as a small picture; as it is typed where matplotlib cannot set it."""
    from matplotlib.mathtext import math_to_image

    file = io.BytesIO()
    plain = re.sub(r"\\(?:text|operatorname)\b", r"\\mathrm", tex)
    try:
        depth = math_to_image(f"${plain}$", file, dpi=72, format="svg")
    except ValueError:
        return f"<code>{html.escape(tex)}</code>"
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f"<img class='am-formula-picture' alt='{html.escape(tex)}' style='vertical-align:-{depth:.1f}pt' "
        f"src='data:image/svg+xml;base64,{data}'>"
    )
