"""What attention costs here: ``python -m tests.bench.cost [long|cache|window|tiles|linear]``, all by default.

"long" measures a random model of SmolLM2's shape from 256 tokens on, every head captured, beside a bare
forward pass of the library's own sdpa: each in a process of its own, so that its peak of memory is its own.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from attention import attend
from attention.count import Count, count_curve, fit_exponent, measure_curve
from attention.decode import forward, write
from attention.decode.decoders import decoder_of
from attention.export.packing import pack_overview
from attention.linear import linear_attend, linear_steps
from attention.linear.random_features import error_curve
from attention.online import online_attend
from attention.pretrained import Tokens, run
from attention.pretrained.blocks import SIDE, Thumbnails, pack_thumbnails
from attention.pretrained.model import adopt
from attention.windows import loss_by_position
from tests.bench import report, synchronise, time_in_turn

LENGTHS = (256, 512, 1024, 2048, 4096)
WAYS = ("bare", "blocks", "whole")
WHOLE_TO = 1024  # beyond that one layer's weights take hundreds of megabytes
seen: list[Thumbnails | dict] = []


def by_whole_layers(module, query, key, value, attention_mask, scaling=None, **kwargs):
    """What the adapter does for short texts: a layer's weights whole, then packed and dropped."""
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    attended = attend(query, key, value, attention_mask, scale=scaling)
    seen.append(pack_overview([attended.weights[0]]))
    return attended.output.transpose(1, 2).contiguous(), None


def random_smollm2(way: str = "bare") -> torch.nn.Module:
    """Random weights in SmolLM2-135M's shape, running one of WAYS."""
    from transformers import AttentionInterface, AttentionMaskInterface, LlamaConfig, LlamaForCausalLM
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register("whole", by_whole_layers)
    AttentionMaskInterface.register(
        "whole", lambda *args, **kwargs: sdpa_mask(*args, **{**kwargs, "allow_is_causal_skip": False})
    )
    config = LlamaConfig(
        vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
        num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=8192, tie_word_embeddings=True,
    )  # fmt: skip
    config._attn_implementation = "whole" if way == "whole" else "sdpa"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = LlamaForCausalLM(config).eval().requires_grad_(False)
    return module.to("cuda" if torch.cuda.is_available() else "cpu")


def ids(n: int, device: torch.device) -> Tensor:
    drawn = torch.randint(0, 49152, (1, n), generator=torch.Generator().manual_seed(n))
    return drawn.to(device)


def one(way: str, n: int, runs: int) -> dict[str, float]:
    """Seconds by the clock and of processor time (the best of runs), and megabytes above the model."""
    from attention.ui.serving import keep_memory

    keep_memory()
    module = random_smollm2(way)
    if way == "blocks":  # the adapter itself; the page reads 512 tokens, this model more
        model = replace(adopt(module), max_tokens=max(LENGTHS))

    def job(length: int) -> None:
        seen.clear()
        if way == "blocks":
            given = tuple(ids(length, torch.device("cpu"))[0].tolist())
            no, first = (False,) * length, (0,) * length
            tokens = Tokens(given, ("x",) * length, no, no, first, tuple(range(length)))
            seen.extend(run(model, tokens, side=SIDE, each=lambda layer: layer.thumbnails).layers)
        else:
            with torch.inference_mode():
                module.model(input_ids=ids(length, module.device), use_cache=False)
        synchronise()

    job(16)
    cuda = module.device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    else:
        before = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    seconds, processor = [], []
    for _ in range(runs):
        begin, used = time.perf_counter(), time.process_time()
        job(n)
        seconds.append(time.perf_counter() - begin)
        processor.append(time.process_time() - used)
    peak = torch.cuda.max_memory_allocated() if cuda else _peak()
    size = len(json.dumps(pack_thumbnails(seen))) if way == "blocks" else 0
    return {
        "seconds": min(seconds), "processor": min(processor), "megabytes": (peak - before) / 1e6,
        "kilobytes": size / 1000,
    }  # fmt: skip


def _peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def long_texts(lengths: tuple[int, ...] = LENGTHS, runs: int = 2) -> None:
    found: dict[tuple[str, int], dict[str, float]] = {}
    for n in lengths:
        for way in WAYS:
            if way != "whole" or n <= WHOLE_TO:
                command = [sys.executable, "-m", "tests.bench.cost", "one", way, str(n), str(runs)]
                answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                found[way, n] = json.loads(answer.splitlines()[-1])
        bare, ours = found["bare", n], found["blocks", n]
        print(f"   {n} tokens: bare {bare['seconds']:.2f} s {bare['megabytes']:.0f} MB, "
              f"blocks {ours['seconds']:.2f} s {ours['megabytes']:.0f} MB", flush=True)  # fmt: skip
        report(f"every head at {n} tokens, time to a bare forward", ours["seconds"] / bare["seconds"], 1.5)
        report(f"the same in processor time at {n} tokens", ours["processor"] / bare["processor"], 1.5)
        report(f"every head at {n} tokens, MB beyond one", ours["megabytes"] - bare["megabytes"], 300)
        report(f"every head at {n} tokens, kB per 72 heads", ours["kilobytes"] * 72 / 270, 400)
        if ("whole", n) in found:
            whole = found["whole", n]
            report(f"by blocks to whole layers at {n} tokens", ours["processor"] / whole["processor"], 1.0)
    if len(lengths) > 1:
        for way in ("bare", "blocks"):
            for what in ("processor", "megabytes"):
                costs = [max(found[way, n][what], 0.1) for n in lengths]
                print(
                    f"   {way}: {what} grow with length to the {fit_exponent(lengths, costs):.2f}", flush=True
                )


def cache(n: int = 256, steps: int = 8) -> None:
    module = random_smollm2()
    decoder, prompt = decoder_of(module), ids(n, module.device)[0]
    seconds = {}
    for cached in (True, False):
        written = write(decoder, prompt, steps + 1, cached=cached)
        seconds[cached] = sum(written.seconds[1:])  # the first step reads the prompt in both cases
        if cached:
            print(f"   bytes a token: {written.bytes[-1] - written.bytes[-2]}", flush=True)
    report(f"seconds a token at {n} tokens, cached to uncached", seconds[True] / seconds[False], 1 / 3)


def window(n: int = 512) -> None:
    module = random_smollm2()
    decoder, text = decoder_of(module), ids(n, module.device)

    def theirs() -> None:
        with torch.no_grad():
            module(input_ids=text, use_cache=False)
        synchronise()

    theirs()
    for options in ({}, {"window": 64}, {"window": 64, "sinks": 4}):
        begin = time.perf_counter()
        loss = loss_by_position(forward(decoder, text, **options), text)
        synchronise()
        seconds, begin = time.perf_counter() - begin, time.perf_counter()
        theirs()
        name = f"{options or 'full'} at {n} tokens"
        report(f"{name}, seconds", seconds, 8)
        report(f"{name}, to the library's forward", seconds / (time.perf_counter() - begin), 1.3)
        print(f"   loss of the last 64: {loss[0, -64:].mean():.3f} (random weights)", flush=True)


def tiles(n: int = 1024) -> None:
    query, key, value = (torch.randn(n, 64, generator=torch.Generator().manual_seed(i)) for i in range(3))
    for tile in (32, 64, 128):
        with Count() as count:
            attended = online_attend(query, key, value, tile=tile)
        print(f"   tile {tile}: {attended.held} numbers held, {n * n} in the matrix; "
              f"peak {count.peak / 1e6:.2f} MB", flush=True)  # fmt: skip
    jobs: dict[str, Callable[[int], object]] = {
        "attend": lambda m: attend(query[:m], key[:m], value[:m]),
        "by tiles": lambda m: online_attend(query[:m], key[:m], value[:m]),
        "linear": lambda m: linear_attend(query[:m], key[:m], value[:m]),
    }
    for name, job in jobs.items():
        exponents = [
            count_curve(job, (256, 512, 1024), what).exponent for what in ("multiplications", "peak")
        ]
        took = measure_curve(job, (256, 512, 1024)).exponent
        print(f"   {name}: multiplications ~ n^{exponents[0]:.2f}, peak bytes ~ n^{exponents[1]:.2f}, "
              f"seconds ~ n^{took:.2f}", flush=True)  # fmt: skip


def linear(n: int = 512) -> None:
    query, key, value = (torch.randn(n, 64, generator=torch.Generator().manual_seed(i)) for i in range(3))
    last = {}

    def run_state(m: int) -> None:
        for last["state"] in linear_steps(query[:m], key[:m], value[:m]):
            pass

    print(
        f"   running state: seconds ~ n^{measure_curve(run_state, (128, 256, 512)).exponent:.2f}", flush=True
    )
    for kind in ("fourier", "positive"):
        curve = error_curve(torch.linspace(0, 1, 9), (16, 64, 256, 1024, 4096), kind=kind)
        errors = " ".join(f"{error:.4f}" for error in curve.kernel_errors)
        print(f"   {kind} features {curve.counts}: {errors}, ~ r^{curve.exponent:.2f}", flush=True)
    ratio = time_in_turn(
        lambda: linear_attend(query, key, value, causal=True), lambda: attend(query, key, value)
    )
    print(f"   linear attention as a matrix to attend: {ratio:.2f}", flush=True)


PARTS = {"long": long_texts, "cache": cache, "window": window, "tiles": tiles, "linear": linear}


def main() -> None:
    for part in PARTS.values():
        part()


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        print(json.dumps(one(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
    else:
        for name in sys.argv[1:] or PARTS:
            print(f"# {name}", flush=True)
            PARTS[name]()
