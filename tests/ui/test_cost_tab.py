"""The cost tab: what its sentences say of the storyteller and MiniLM is what the pictures hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import DynamicCache

from attention.pretrained.adopted import to_gpt2
from attention.storyteller.sentences import vocabulary
from attention.storyteller.train import load
from attention.ui.page.questions import ask_sheet, draw_part, endpoint, view_of
from attention.ui.tabs.cost import TAB
from attention.ui.tabs.cost.cache.study import OTHER, WINDOW
from tests.ui.views import packed

STORY = {"scene": "share", "model": "storyteller"}


def results(**changes):
    return endpoint(TAB)(**changes)


def panels(language="en", **changes):
    return {panel["id"]: panel for panel in view_of(TAB, language, changes)["panels"] if panel["id"]}


def number(text):
    return float(text.replace(",", ""))


@pytest.mark.parametrize("step", [0, 1, 5, 11])
def test_old_rows_are_grey_and_untouched(step):
    keys = panels(step=step)["keys"]
    assert keys["new"] == (0 if step == 0 else len(keys["tokens"]) - 1) and keys["moved"] is None
    for row in (0, len(keys["tokens"]) - 1):
        sheet = ask_sheet("en", TAB, {"inputs": {"step": step}, "panel": "keys", "row": row, "column": 0})
        assert {one[3] for one in sheet["sections"][0]["table"]["rows"]} == {"0.0000"}


def test_without_the_mask_deeper_keys_move_and_the_words_own_do_not():
    for layer, moves in ((0, False), (1, True)):
        moved = packed(panels(step=6, looks_back=False, layer=layer)["keys"]["moved"])
        assert (moved[:-1] > 0.1).all() == moves and (moves or moved.max() < 1e-5) and moved[-1] == 0
    assert [task["answer"] for task in view_of(TAB, "en", {"looks_back": False})["tasks"]][0] == 2


@torch.no_grad()
@pytest.mark.parametrize(
    "story", ["ann lost the key . bo", "ann bought tea , milk and bread . bo bought", "bo"]
)
def test_what_is_written_without_the_mask_is_gpt2_s_without_a_mask(story):
    module, texts = to_gpt2(load()).eval(), []
    module.set_attn_implementation("eager")
    for causal in (True, False):
        text = [vocabulary().index(word) for word in story.split()]
        for _ in range(12):
            sees = in_sight(len(text), 99) if causal else torch.zeros(1, 1, len(text), len(text))
            text.append(int(module(torch.tensor([text]), attention_mask=sees).logits[0, -1].argmax()))
        texts.append([vocabulary()[one] for one in text[len(story.split()) :]])
    right, free = texts
    shown = view_of(TAB, "en", {"story": story, "looks_back": False})
    said = next(panel["caption"] for panel in shown["panels"] if "look back only" in panel.get("caption", ""))
    first = next((step for step in range(12) if right[step] != free[step]), None)
    if first is None:
        assert "same words" in said
    else:
        assert f"word {first + 1} is “{free[first]}”, with the mask “{right[first]}”" in said


def test_every_sheet_of_counts_adds_up():
    shown = panels()
    for row, column in ((0, 0), (0, 11), (1, 11)):
        place = {"inputs": {}, "panel": "products", "row": row, "column": column}
        *parts, total = ask_sheet("en", TAB, place)["sections"][0]["table"]["rows"]
        assert sum(number(one[1]) for one in parts) == number(total[1])
        assert number(total[1]) == packed(shown["products"]["data"])[row, column]
    assert packed(shown["bytes"]["data"]).sum() == results()["bytes"][3] == 9 * 1024


def in_sight(n, window):
    """(1, 1, n, n): 0 where a query may look at a key, and minus infinity elsewhere."""
    back = torch.arange(n)[:, None] - torch.arange(n)
    return torch.zeros(n, n).masked_fill((back < 0) | (back >= window), -torch.inf)[None, None]


@torch.no_grad()
def by_gpt2(prompt, steps, mistake):
    """The right tokens, those that the mistake chooses after them, and by how much its logits are off, all
    by transformers' GPT-2 and its own cache."""
    module = to_gpt2(load()).eval()
    module.set_attn_implementation("eager")
    window, text, right, off = WINDOW if mistake == "evict" else 999, list(prompt), [], []
    for _ in range(steps):
        right.append(module(torch.tensor([text]), attention_mask=in_sight(len(text), window)).logits[0, -1])
        text.append(int(right[-1].argmax()))
    cache, chosen, begin = DynamicCache(), [], len(prompt)
    if mistake == "shared":
        module(torch.tensor([[vocabulary().index(word) for word in OTHER.split()]]), past_key_values=cache)
    for step in range(steps):
        new = torch.tensor([text[:begin] if step == 0 else text[begin + step - 1 : begin + step]])
        if mistake == "evict" and step:
            for layer in cache.layers:
                layer.keys, layer.values = (
                    layer.keys[..., 1 - WINDOW :, :],
                    layer.values[..., 1 - WINDOW :, :],
                )
        n, kept = new.shape[1], cache.get_seq_length()
        at = 0 if mistake == "restart" else kept  # as the library counts by itself
        mask = torch.zeros(1, 1, n, kept + n)
        mask[0, 0, :, kept:] = in_sight(n, window)[0, 0]
        if mistake == "corner":
            mask = torch.full((1, 1, n, kept + n), -torch.inf).triu(1)
        places = torch.arange(at, at + n)[None]
        logits = module(new, past_key_values=cache, position_ids=places, attention_mask=mask).logits
        chosen.append(int(logits[0, -1].argmax()))
        off.append((logits[0, -1] - right[step]).abs().max().item())
    return text[begin:], chosen, off


@pytest.mark.parametrize("mistake", ["restart", "corner", "evict", "shared"])
def test_every_mistake_says_its_first_wrong_word(mistake):
    """The words of the picture are those that another library writes with the same mistake."""
    words = vocabulary()
    prompt = [words.index(word) for word in view_of(TAB, "en", {})["inputs"]["story"].split()]
    shown = panels(mistake=mistake)
    wrong = shown["wrong"]
    right, chosen, off = by_gpt2(prompt, len(wrong["right"]), mistake)
    assert wrong["right"] == [words[one] for one in right]
    first = next((step for step in range(len(right)) if right[step] != chosen[step]), None)
    assert wrong["first"] == first
    assert packed(shown["off"]["series"][0]["y"]) == pytest.approx(off, abs=1e-3)
    if first is not None:
        assert wrong["instead"] == words[chosen[first]]
        assert (
            f"“{wrong['instead']}”" in wrong["caption"] and f"“{wrong['right'][first]}”" in wrong["caption"]
        )


def test_turning_twice_is_told_where_nothing_turns():
    view = view_of(TAB, "en", {"mistake": "twice"})
    assert any("no key is ever rotated" in panel.get("caption", "") for panel in view["panels"])
    assert "wrong" not in {panel["id"] for panel in view["panels"]}


def test_cached_and_uncached_logits_agree():
    assert results()["largest_difference_of_logits"] < 1e-4
    assert results(story="ann sings . bo reads . who")["largest_difference_of_logits"] < 1e-4


def test_the_stopwatch_shows_both_rates_and_their_ratio():
    readouts, plot = draw_part("en", TAB, "cache_speed", {"inputs": {}})["panels"]
    ratio, fast, slow = (number(item["value"].split()[0].rstrip("×")) for item in readouts["items"])
    assert ratio == pytest.approx(fast / slow, rel=0.1) and len(plot["series"]) == 2


@pytest.mark.parametrize("model", ["minilm", "storyteller"])
def test_bytes_fall_with_the_heads_and_the_whole_form_loses_nothing(model):
    found = results(scene="share", model=model)
    shared = [form for form in found["forms"] if form["kind"] == "shared"]
    latent = [form for form in found["forms"] if form["kind"] == "latent"]
    whole, squeezed = shared[0], latent[0]
    assert [form["size"] for form in shared] == [
        g for g in range(whole["size"], 0, -1) if whole["size"] % g == 0
    ]
    assert all(
        form["bytes_per_token"] * whole["size"] == whole["bytes_per_token"] * form["size"] for form in shared
    )
    assert whole["kept"] > 0.99 and squeezed["kept"] == pytest.approx(whole["kept"], abs=1e-4)
    assert 2 * squeezed["bytes_per_token"] == whole["bytes_per_token"]
    assert shared[-1]["kept"] < 0.7


@torch.no_grad()
def test_the_storyteller_with_fewer_key_heads_is_gpt2_with_averaged_matrices():
    text = view_of(TAB, "en", STORY)["inputs"]["sentence"]
    ids = torch.tensor([[vocabulary().index(word) for word in text.split()]])
    shared = [form for form in results(**STORY, sentence=text)["forms"] if form["kind"] == "shared"]
    likeliest = int(to_gpt2(load()).eval()(ids).logits[0, -1].argmax())
    for form in shared:
        module = to_gpt2(load()).eval()
        for block in module.transformer.h:
            for numbers in (block.attn.c_attn.weight, block.attn.c_attn.bias):
                heads = numbers.view(*numbers.shape[:-1], 3, form["size"], -1, 16)
                heads[..., 1:, :, :, :] = heads[..., 1:, :, :, :].mean(-2, keepdim=True)
        left = module(ids).logits[0, -1].softmax(-1)[likeliest].item()
        assert form["kept"] == pytest.approx(left, abs=1e-4), form


@pytest.mark.parametrize("changes", [{"scene": "share"}, STORY])
def test_a_sheet_of_what_was_kept_ends_in_the_cell(changes):
    forms = panels(**changes)["forms"]
    matrix = packed(forms["data"])
    for row in range(len(matrix)):
        for column in (0, 1):
            place = {"inputs": changes, "panel": "forms", "row": row, "column": column}
            sections = ask_sheet("en", TAB, place)["sections"]
            last = sections[-1]
            end = last["lines"][-1][-1] if last.get("lines") else last["table"]["rows"][-1][-1]
            assert number(end) == pytest.approx(matrix[row, column], abs=6e-5)


def test_a_number_that_does_not_divide_is_told_and_taken_down():
    view = view_of(TAB, "en", STORY | {"groups": 3})
    assert "2 is taken" in view["notices"][0]
    assert results(**STORY, groups=3)["chosen"] == {"kind": "shared", "size": 2}


def test_the_rotary_part_costs_rounding_only():
    full, absorbed, kept = panels(**STORY, rank=32)["latent"]["items"]
    assert number(full["value"]) < 1e-10 and number(absorbed["value"]) < 1e-10 and kept["value"] == "40"
    assert np.isfinite(packed(panels(**STORY)["forms"]["data"])).all()
