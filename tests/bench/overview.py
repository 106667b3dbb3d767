"""From a text to every head: work beyond a bare forward, bytes sent, and time to the painted picture.

The browser part runs the real page beside a sketch: the least Gradio app that paints the same heads
on a bare canvas, with no product around it. It needs a browser and is left out, saying so, without.
"""

from __future__ import annotations

import base64
import json
import math
import shutil
import statistics

import torch
from attention.ui.heads_open import overview
from attention.ui.texts import words_for

from attention.pretrained import Tokens, load_model, tokenize
from attention.pretrained.catalog import CATALOG, cache_folder, package_file
from attention.ui import heads_runs, heads_tab
from attention.ui.serving import settle
from tests.bench import report, time_in_turn

LENGTHS = (16, 64, 128, 256)
PAIRS = 25  # of each length: a picture is seen at the next of 60 frames a second; 26 letters tell texts apart
VIEWPORT = {"width": 1280, "height": 900}


def main(seconds: float = 2.0) -> None:
    settle()  # as the app does; both sides of every ratio run in this process
    names = ["minilm"] + ["smollm2"] * (package_file(CATALOG["smollm2"]) is not None)
    for name in names:
        beyond_a_forward(name, seconds)
    for name in names:
        for n in (16, 64, 128, 256, 512):
            drawn = overview_of(name, text_of(name, n))
            size = len(json.dumps(drawn)) * 72 / (drawn["layers"] * drawn["heads"]) / 1000
            report(f"overview {name} {n} tokens, kB per 72 heads", size, 400)
    in_the_browser(seconds)


def text_of(name: str, n: int, first: str = "word") -> str:
    """A text of exactly n tokens."""
    count = n - len(tokenize(load_model(name), "word")) + 1
    return " ".join([first] + ["word"] * (count - 1))


def overview_of(name: str, text: str) -> dict:
    """What the tab sends of all heads for a new text."""
    heads_runs._kept.clear()
    values = {field.name: field.default for field in heads_tab.FIELDS} | {"model": name, "text": text}
    return overview(heads_runs.study(name, text, patience=300), values, words_for("en"))


def bare_model(name: str) -> torch.nn.Module:
    """The same weights under the library's own sdpa, without a head."""
    from transformers import AutoModel

    entry = CATALOG[name]
    folder = package_file(entry).parent
    if name == "smollm2":
        folder = cache_folder() / f"{entry.name}-{entry.sha256[:12]}"
    load_model(name)
    model = AutoModel.from_pretrained(folder, attn_implementation="sdpa", dtype=torch.float32)
    return model.to(load_model(name).module.device).eval()


def beyond_a_forward(name: str, seconds: float) -> None:
    heads_runs.model_of(name, patience=300)
    bare = bare_model(name)
    for n in LENGTHS:
        text = text_of(name, n)
        tokens: Tokens = tokenize(load_model(name), text)
        assert len(tokens) == n
        ids = torch.tensor([tokens.ids], device=bare.device)

        def forward(ids=ids):
            with torch.inference_mode():
                return bare(input_ids=ids, **({"use_cache": False} if name == "smollm2" else {}))

        ratio = time_in_turn(lambda text=text: overview_of(name, text), forward, seconds)
        report(f"overview {name} {n} tokens, work beyond a forward", ratio - 1, 0.25)


SKETCH = """
const canvas = element.querySelector('canvas');
watch('value', () => {
  const {data, side, text} = props.value;
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  canvas.width = 12 * side; canvas.height = 6 * side;
  const pen = canvas.getContext('2d');
  for (let h = 0; h < 72; h++) {
    const image = new ImageData(side, side);
    for (let i = 0; i < side * side; i++) {
      const v = 255 - bytes[h * side * side + i];
      image.data.set([v, v, 255, 255], 4 * i);
    }
    pen.putImageData(image, (h % 12) * side, Math.floor(h / 12) * side);
  }
  canvas.dataset.painted = text;
});
"""


def sketch():
    """A text box and a canvas: the least app that shows all heads of MiniLM."""
    import gradio as gr
    import torch.nn.functional as F
    from transformers import AutoModel

    model = load_model("minilm")
    bare = AutoModel.from_pretrained(
        package_file(CATALOG["minilm"]).parent, attn_implementation="eager", dtype=torch.float32
    ).eval()

    def compute(text: str) -> dict:
        tokens = tokenize(model, text)
        with torch.inference_mode():
            layers = bare(torch.tensor([tokens.ids]), output_attentions=True).attentions
        pool = math.ceil(len(tokens) / 64)
        parts = [
            (F.max_pool2d(layer[0], pool, ceil_mode=True).sqrt() * 255 + 0.5).to(torch.uint8).numpy()
            for layer in layers
        ]
        data = b"".join(part.tobytes() for part in parts)
        return {"data": base64.b64encode(data).decode(), "side": parts[0].shape[-1], "text": text}

    class Plain(gr.HTML):
        def postprocess(self, value):
            return value

    with gr.Blocks(analytics_enabled=False) as demo:
        box = gr.Textbox(value="", lines=3)
        view = Plain(html_template="<canvas></canvas>", js_on_load=SKETCH, value=None)
        gr.on([box.change], compute, box, view, queue=False, show_progress="hidden",
              trigger_mode="always_last")  # fmt: skip
    return demo


# Types a text into the page's first visible box, waits for the canvas that says it shows it.
TYPE = """([text, mark]) => new Promise((resolve) => {
  const box = [...document.querySelectorAll('textarea')].find((one) => one.offsetParent);
  const start = performance.now();
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(box, text);
  box.dispatchEvent(new Event('input', { bubbles: true }));
  const look = () => {
    const canvases = [...document.querySelectorAll('canvas')];
    const done = canvases.some((c) => (c.dataset.painted || '').includes(mark));
    if (done) resolve(performance.now() - start); else requestAnimationFrame(look);
  };
  look();
})"""

# Everything from the bytes to the pixels, one overview built and painted anew; the lower quartile of 15,
# since what another process takes of this machine is none of the page's.
DRAW = """() => {
  const root = document.querySelector('#view-heads .am-view');
  const view = [...document.querySelectorAll('#view-heads, #view-heads *')].find((one) => one.amView).amView;
  const panel = view.payload.panels.find((one) => one.kind === 'overview');
  const times = [];
  for (let i = 0; i < 15; i++) {
    const start = performance.now();
    const node = view.build(panel);
    root.append(node);
    root.dispatchEvent(new CustomEvent('am-resize'));
    const canvas = node.querySelector('canvas');
    canvas.getContext('2d').getImageData(0, 0, 1, 1);
    times.push(performance.now() - start);
    node.remove();
  }
  return times.sort((a, b) => a - b)[3];
}"""


def in_the_browser(seconds: float) -> None:
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        print("  # no playwright: the browser part is left out")
        return
    from attention.ui import build, launch_options
    from tests.browser.conftest import FLAGS

    quiet = {"prevent_thread_lock": True, "quiet": True, "server_name": "127.0.0.1"}
    apps = [build(), sketch()]
    urls = [apps[0].launch(**quiet, **launch_options())[1], apps[1].launch(**quiet, run_history=False)[1]]
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("chromium-browser")
            try:
                browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            except Error:
                print("  # no browser: the browser part is left out")
                return
            pages = [browser.new_page(viewport=VIEWPORT) for _ in urls]
            pages[0].goto(f"{urls[0]}?tab=heads&lang=en")
            pages[0].wait_for_selector(".am-overview-canvas", timeout=120_000)
            pages[1].goto(urls[1])
            pages[1].wait_for_selector("canvas", state="attached")
            turn = 0
            for n in (*LENGTHS, 512):
                ratios = []
                for repeat in range(PAIRS):
                    turn += 1  # a new text each time, so that nothing is remembered
                    text = text_of("minilm", n, chr(97 + turn % 26))
                    times = [0.0, 0.0]
                    for which in (0, 1) if repeat % 2 else (1, 0):
                        pages[which].bring_to_front()  # as a reader has it: hidden pages get fewer frames
                        times[which] = pages[which].evaluate(TYPE, [text, mark_of(which, text)])
                    if repeat > 1:
                        ratios.append(times[0] / times[1])
                ratio = statistics.median(ratios)
                report(f"overview {n} tokens, text to painted, of a bare sketch", ratio, 1.2)
                if n == 64:
                    report("overview 72 heads at 64 tokens, ms to draw", pages[0].evaluate(DRAW), 16)
            browser.close()
    finally:
        for app in apps:
            app.close()


def mark_of(which: int, text: str) -> str:
    """How a canvas says that it shows this text: our page by its link, the sketch by the text."""
    from attention.ui import link

    if which:
        return text
    values = {field.name: field.default for field in heads_tab.FIELDS} | {"text": text}
    return link.write("heads", heads_tab.FIELDS, values)


if __name__ == "__main__":
    main()
