"""A model's pass, and what each head does to the next word, in plain PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....storyteller.writing import spoken
from ...page.plain import pretrained, program, storyteller

if TYPE_CHECKING:
    from .story.large import Large
    from .story.study import Study
    from .why.study import Study as Why


def story(s: Study) -> str:
    """The heads' weights of the column, and the share of each word shown beside it."""
    inputs, words = s.inputs, list(s.candidate_words)
    at = f"logits[{s.place}]"
    taking = " ".join(map(spoken, s.candidates.words[: inputs.top_k]))
    shares = [f"likely = {at}.topk({inputs.top_k}).indices    # the others take no part",
              f"shares = ({at}[likely] / {inputs.temperature!r}).softmax(-1)",
              f"print(shares)    # of {taking}"]  # fmt: skip
    if not inputs.top_k:
        shares = [f"shares = ({at} / {inputs.temperature!r}).softmax(-1)", f"print(shares[{words}])"]
    return program([
        *storyteller(s.ids, s.names, within=[f"print(weights[:, {s.place}, : {s.place + 1}])"]),
        "",
        f"print({at}[{words}])    # of {' '.join(map(spoken, words))}",
        *shares,
    ])  # fmt: skip


def why(s: Why) -> str:
    """Every head replaced by what it does on the other sentence, or knocked out, and what that moves."""
    if s.model.name != "storyteller":
        return why_pretrained(s)
    lines = storyteller(s.tokens.ids, s.tokens.tokens)
    start = next(i for i, line in enumerate(lines) if line.startswith("ids = "))
    names = [spoken(word) for word in (s.target or 0, s.instead or 0)]
    said = f"{names[0]}, rather than {names[1]}"
    body = [f"    {line}" for line in lines[lines.index("for layer in range(2):") - 1 :]]
    at = next(i for i, line in enumerate(body) if "heads = (weights @ v)" in line)
    body[at] = "        heads = weights @ v    # (heads, n, 16)"
    body[at + 1 : at + 1] = [
        "        for head in changed.get(layer, ()):",
        "            heads[head] = given[layer][head]",
        "        own.append(heads)",
    ]
    after = body[at + 4]
    body[at + 4] = after.replace("F.linear(heads,", "F.linear(heads.transpose(0, 1).flatten(1),")
    other = ["own = read(ids)[1]", "given = [torch.zeros_like(heads) for heads in own]    # knocked out"]
    if s.other is not None:
        other = [f"other = torch.tensor({list(s.other.ids)})    # {' '.join(s.other.tokens)}",
                 "given = read(other)[1]"]  # fmt: skip
    return program([
        *lines[: start + 3],
        "",
        "def norm(x, name):",
        "    return F.layer_norm(x, x.shape[-1:], w[name + '.weight'], w[name + '.bias'])",
        "",
        "def read(ids, changed={}, given=()):",
        "    own = []",
        *body,
        f"    return logits[-1, {s.target}] - logits[-1, {s.instead}], own    # for {said}",
        "",
        *other,
        "before = read(ids)[0]",
        "print(before)",
        "for layer in range(2):",
        "    print([(read(ids, {layer: [head]}, given)[0] - before).item() for head in range(4)])",
    ])  # fmt: skip


def why_pretrained(s: Why) -> str:
    """The same by transformers: a head's output is exchanged on its way to the layer's output matrix.

    Of a large model the chosen head alone, as the page does before it goes through all of them.
    """
    encoder, d, (layer, head) = s.model.kind == "encoder", s.model.d_head, s.chosen
    out = "model.encoder.layer}.attention.output.dense" if encoder else "model.model.layers}.self_attn.o_proj"
    blocks, _, part = out.partition("}")
    other = s.other is not None
    texts = [s.inputs.text, s.inputs.other] if other else [s.inputs.text]
    split = "return_tensors='pt', split_special_tokens=True"
    if encoder:
        measure = ["def measure(text):    # the cosine with the sentence's vector as it should become",
                   "    vector = model(**text).last_hidden_state[0].mean(0)",
                   "    return F.cosine_similarity(vector, goal, dim=0)"]  # fmt: skip
    else:
        said = f"{s.names[0]!r}, rather than {s.names[1]!r}"
        measure = [f"def measure(text):    # for {said}",
                   "    logits = model(**text).logits[0, -1]",
                   f"    return logits[{s.target}] - logits[{s.instead}]"]  # fmt: skip
    kept = [
        "given = []",
        "hooks = [part.register_forward_pre_hook(lambda _, z: given.append(z[0])) for part in parts]",
    ]
    run = "goal = model(**other).last_hidden_state[0].mean(0)" if encoder else "model(**other)"
    kept += [run, "for hook in hooks:", "    hook.remove()", ""]
    knocked = ["goal = model(**text).last_hidden_state[0].mean(0)", ""] if encoder else [""]
    new = f"given[layer][..., {d} * head : {d} * head + {d}]" if other else "0"
    each = [
        f"for layer in range({s.model.num_layers}):",
        f"    print([(changed(layer, head) - before).item() for head in range({s.model.num_heads})])",
    ]
    one = [
        f"print(changed({layer}, {head}))    # the page then goes through every other head in the same way"
    ]
    return program([
        *pretrained(s.model.name, "AutoModel" if encoder else "AutoModelForCausalLM", eager=False,
                    functional=encoder),
        "torch.set_grad_enabled(False)",
        "",
        f"texts = {texts}",
        f"{'text, other' if other else 'text,'} = (tokenizer(one, {split}) for one in texts)",
        f"parts = [layer{part} for layer in {blocks}]    # what the heads go through next",
        *(kept if other else knocked),
        *measure,
        "",
        f"def changed(layer, head):    # {'as on the other text' if other else 'knocked out'}",
        "    def change(_, z):",
        f"        z[0][..., {d} * head : {d} * head + {d}] = {new}",
        "    hook = parts[layer].register_forward_pre_hook(change)",
        "    measured = measure(text)",
        "    hook.remove()",
        "    return measured",
        "",
        "before = measure(text)",
        "print(before)",
        *(one if s.long else each),
    ])  # fmt: skip


def large_story(s: Large) -> str:
    """What embedding, heads and feed-forwards of a large model add to the logit of the word that comes."""
    inputs, words, names = s.inputs, list(s.candidate_words), s.names[: s.place + 1]
    gpt2 = s.model.module.config.model_type == "gpt2"
    h, at = s.model.num_heads, "logits[0, -1]"
    blocks = "model.transformer.h" if gpt2 else "model.model.layers"
    norm, out = ("transformer.ln_f", "attn.c_proj") if gpt2 else ("model.norm", "self_attn.o_proj")
    size = (
        "(end.var(correction=0) + norm.eps).sqrt()"
        if gpt2
        else "(end.square().mean() + norm.variance_epsilon).sqrt()"
    )
    begun = ["begun = model.get_input_embeddings()(ids)[0, -1] @ toward"]
    if gpt2:
        begun = [
            "toward = toward - toward.mean()    # its norm takes the mean away",
            "x = model.transformer.wte(ids)[0, -1] + model.transformer.wpe.weight[ids.shape[1] - 1]",
            "x = x + sum(block.attn.c_proj.bias for block in model.transformer.h)",
            "begun = x @ toward + norm.bias @ row",
        ]
    matrix = "weight" if gpt2 else "weight.T"
    shares = [f"likely = {at}.topk({inputs.top_k}).indices    # the others take no part",
              f"print(({at}[likely] / {inputs.temperature!r}).softmax(-1))"]  # fmt: skip
    if not inputs.top_k:
        shares = [f"print(({at} / {inputs.temperature!r}).softmax(-1)[{words}])"]
    return program([
        *pretrained(inputs.teller, "AutoModelForCausalLM", tokenizer=False),
        "torch.set_grad_enabled(False)",
        "",
        f"ids = torch.tensor([{list(s.tokens.ids[: s.place + 1])}])    # {' '.join(names)!r}",
        f"norm, blocks, heads, nets, ends = model.{norm}, {blocks}, [], [], []",
        "for block in blocks:    # what comes out of every head and feed-forward at the last token",
        f"    block.{out}.register_forward_pre_hook(lambda _, given: heads.append(given[0][0, -1]))",
        "    block.mlp.register_forward_hook(lambda _, given, made: nets.append(made[0, -1]))",
        "norm.register_forward_pre_hook(lambda _, given: ends.append(given[0][0, -1]))",
        "output = model(input_ids=ids, output_attentions=True)",
        "logits, end = output.logits, ends[0]",
        f"print({at}[{words}])    # of {' '.join(map(repr, map(s.spelled, words)))}",
        *shares,
        "",
        f"row, size = model.get_output_embeddings().weight[{s.target}], {size}",
        f"toward = norm.weight * row / size    # the last norm frozen, for {s.spelled(s.target)!r}",
        *begun,
        "print(size, begun)",
        "for block, together, net, weights in zip(blocks, heads, nets, output.attentions):",
        f"    w_o = block.{out}.{matrix}.unflatten(0, ({h}, -1))    # (heads, d, D)",
        f"    shares = (together.unflatten(0, ({h}, 1, -1)) @ w_o)[:, 0] @ toward",
        "    begun = begun + shares.sum() + net @ toward",
        "    print(shares, net @ toward, begun)    # each head, the feed-forward, the running total",
        "    print(weights[0, shares.abs().argmax(), -1])    # where the head looks that says most",
    ])  # fmt: skip
