"""A date written by the shipped decoder in plain PyTorch: the same numbers without this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....seq2seq.bahdanau import encode_text
from ...page.plain import loads, program

if TYPE_CHECKING:
    from .study import Study

SCORES = {
    "additive": "scores = torch.tanh(w['w_q'] @ state + states @ w['w_k'].T) @ w['v']",
    "dot": "scores = states @ state / 48**0.5",
}


def plain(s: Study) -> str:
    """Read the characters forwards and backwards, then write ten, each after a look back."""
    kind, text = s.inputs.attention, s.inputs.text
    looks = [
        f"    {SCORES[kind]}",
        "    weights = scores.softmax(-1)    # one for each character read",
        "    context = weights @ states",
        "    print(weights)",
    ] if kind in SCORES else ["    context = final.flatten()    # all in one vector"]  # fmt: skip
    read = "states" if kind in SCORES else "_"
    lines = loads(f"seq2seq_{kind}.safetensors")
    return program([
        *lines,
        f"ids = torch.tensor({encode_text(text)})    # {text!r}",
        "encoder = torch.nn.GRU(32, 24, bidirectional=True)",
        "decoder = torch.nn.GRUCell(32 + 48, 48)",
        "for name, layer in (('encoder.', encoder), ('decoder.', decoder)):",
        "    layer.load_state_dict({k.removeprefix(name): v for k, v in w.items() if k.startswith(name)})",
        "torch.set_grad_enabled(False)",
        "",
        f"{read}, final = encoder(w['read.weight'][ids])    # (read, 48), both ways' last (2, 24)",
        "state = torch.tanh(F.linear(final[1].flatten(), w['start.weight'], w['start.bias']))",
        "previous, written = 11, ''    # 11: nothing yet",
        "for step in range(10):",
        *looks,
        "    state = decoder(torch.cat([w['written.weight'][previous], context]), state)",
        "    logits = F.linear(torch.cat([state, context]), w['out.weight'], w['out.bias'])",
        "    print(logits.softmax(-1))    # of 0123456789-",
        "    previous = logits.argmax()",
        "    written += '0123456789-'[previous]",
        "print(written)",
    ])  # fmt: skip
