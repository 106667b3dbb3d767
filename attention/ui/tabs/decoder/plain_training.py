"""The decoder's training in plain PyTorch: every step's loss, and what it writes in the end."""

from __future__ import annotations

from ....seq2seq import LIVE_HIDDEN
from ....seq2seq.bahdanau import LENGTH, SOURCE, START, TARGET, encode_text, seed_for
from ...page.datasets import BATCH, HELD_OUT, dates_file
from ...page.plain import DATA, program
from .parts import Inputs

SCORES = {
    "additive": "torch.tanh(state[:, None] @ net.w_q.T + states @ net.w_k.T) @ net.v",
    "dot": f"(states @ state[..., None])[..., 0] / {2 * LIVE_HIDDEN}**0.5",
}


def trained(inputs: Inputs) -> str:
    """Teacher forcing on the dates of every step, then held-out dates and the learner's own."""
    kind, d, text = inputs.attention, LIVE_HIDDEN, inputs.text.strip()
    looks = kind in SCORES
    own = [f"for name, shape in (('w_q', ({d}, {2 * d})), ('w_k', ({d}, {2 * d})), ('v', ({d},))):",
           "    net.register_parameter(name, nn.Parameter(torch.empty(shape)))"]  # fmt: skip
    context = [f"    scores = {SCORES.get(kind)}",
               "    weights = scores.masked_fill(~real, float('-inf')).softmax(-1)    # (dates, read)",
               "    context = (weights[:, None] @ states)[:, 0]"]  # fmt: skip
    blind = ["    context = torch.cat([final[0], final[1]], -1)    # all in one vector"]
    seen, memory = (", weights", "states, real") if looks else ("", "final")
    begun = [
        "states, _, state = read(text, lengths)",
        "real = torch.arange(text.shape[1]) < lengths[:, None]",
    ]
    begun = begun if looks else ["final, state = read(text, lengths)"]
    return program([
        "import torch",
        "import torch.nn.functional as F",
        "from safetensors.torch import load_file",
        "from torch import nn",
        f"from torch.nn.utils.rnn import pack_padded_sequence{', pad_packed_sequence' * looks}",
        "",
        f"w = load_file({dates_file(inputs.seed, inputs.steps)!r})    {DATA}",
        "net = nn.ModuleDict({",
        f"    'read': nn.Embedding({len(SOURCE) + 2}, 32),",
        f"    'encoder': nn.GRU(32, {d}, batch_first=True, bidirectional=True),",
        f"    'start': nn.Linear({d}, {2 * d}),",
        f"    'written': nn.Embedding({len(TARGET) + 1}, 32),",
        f"    'decoder': nn.GRUCell(32 + {2 * d}, {2 * d}),",
        f"    'out': nn.Linear({4 * d}, {len(TARGET)}),",
        "})",
        *(own if kind == "additive" else []),
        f"generator = torch.Generator().manual_seed({seed_for(inputs.seed, 0)})",
        "for name, parameter in net.named_parameters():",
        "    bound = ('bias' not in name) * parameter.shape[-1] ** -0.5    # biases begin at 0",
        "    parameter.data.uniform_(-bound, bound, generator=generator)",
        "",
        "def read(text, lengths):    # forwards and backwards",
        "    sorts = {'batch_first': True, 'enforce_sorted': False}",
        "    packed = pack_padded_sequence(net['read'](text), lengths, **sorts)",
        f"    {'states' if looks else '_'}, final = net['encoder'](packed)",
        *(["    states, _ = pad_packed_sequence(states, batch_first=True, total_length=text.shape[1])"]
          if looks else []),
        f"    return {'states, ' * looks}final, torch.tanh(net['start'](final[1]))",
        "",
        f"def write(state, previous, {memory}):    # one character",
        *(context if looks else blind),
        "    state = net['decoder'](torch.cat([net['written'](previous), context], -1), state)",
        f"    return state, net['out'](torch.cat([state, context], -1)){seen}",
        "",
        f"optimizer = torch.optim.Adam(net.parameters(), lr={inputs.learning_rate!r})",
        f"for step in range({inputs.steps}):",
        "    text, lengths, date = (w[f'{step}.{name}'].long() for name in ('text', 'lengths', 'date'))",
        *(f"    {line}" for line in begun),
        f"    previous, rows = torch.full(({BATCH},), {START}), []    # {START}: nothing yet",
        f"    for place in range({LENGTH}):",
        f"        state, row{', _' * looks} = write(state, previous, {memory})",
        "        rows.append(row)",
        "        previous = date[:, place]    # whatever it said, it is told the truth",
        "    loss = F.cross_entropy(torch.stack(rows, 1).flatten(0, 1), date.flatten())",
        "    optimizer.zero_grad()",
        "    loss.backward()",
        "    nn.utils.clip_grad_norm_(net.parameters(), 1.0)",
        "    optimizer.step()",
        "    print(loss.item())    # nats a character",
        "",
        "torch.set_grad_enabled(False)",
        "",
        "def written(text, lengths):    # each step is given its own last character",
        *(f"    {line}" for line in begun),
        f"    previous, dates{', looks' * looks} = torch.full_like(lengths, {START}), []{', []' * looks}",
        f"    for _ in range({LENGTH}):",
        f"        state, row{seen} = write(state, previous, {memory})",
        "        previous = row.argmax(-1)",
        "        dates.append(previous)",
        *(["        looks.append(weights)"] if looks else []),
        f"    return torch.stack(dates, 1){', torch.stack(looks, 1)' * looks}",
        "",
        "text, lengths, date = (w['held_out.' + name].long() for name in ('text', 'lengths', 'date'))",
        f"right = (written(text, lengths){'[0]' * looks} == date).all(-1)",
        f"print(right.float().mean())    # of {HELD_OUT} dates never trained on, written exactly right",
        f"ids = torch.tensor([{encode_text(text)}])    # {text!r}",
        f"date{', looks' * looks} = written(ids, torch.tensor([ids.shape[1]]))",
        f"print(''.join({TARGET!r}[place] for place in date[0]))",
        *(["print(looks[0])    # written x read"] if looks else []),
    ])  # fmt: skip
