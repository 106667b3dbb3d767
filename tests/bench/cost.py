"""What attention costs here: ``python -m tests.bench.cost [long|cache|window|tiles|linear|whole]``, or all.

"long" (also ``python -m tests.bench long``) measures a random model of SmolLM2's shape from 256 tokens on,
every head captured, beside a bare forward pass of the library's own sdpa: each in a process of its own, so
that its peak of memory is its own, and asked in turn, so that both meet the same neighbours.
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


def forward_of(way: str) -> tuple[Callable[[int], None], torch.device]:
    """A function that runs so many tokens in one of WAYS, and where it runs."""
    module = random_smollm2(way)
    if way == "blocks":  # the adapter itself, as the heads tab asks it
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

    return job, module.device


def answer_lengths(way: str) -> None:
    """For every length read, print what a forward pass took: seconds, those of the processor, and the most
    megabytes above the model's."""
    from attention.ui.serving import keep_memory

    keep_memory()
    job, device = forward_of(way)
    job(16)
    cuda = device.type == "cuda"
    page = os.sysconf("SC_PAGESIZE")
    before = (
        torch.cuda.memory_allocated() if cuda else int(Path("/proc/self/statm").read_text().split()[1]) * page
    )
    print("{}", flush=True)
    for line in sys.stdin:
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        else:
            Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        begin, used = time.perf_counter(), time.process_time()
        job(int(line))
        seconds, processor = time.perf_counter() - begin, time.process_time() - used
        peak = torch.cuda.max_memory_allocated() if cuda else _peak()
        size = len(json.dumps(pack_thumbnails(seen))) if way == "blocks" else 0
        found = {"seconds": seconds, "processor": processor, "megabytes": (peak - before) / 1e6}
        print(json.dumps(found | {"kilobytes": size / 1000}), flush=True)


class Child:
    """A process of its own for one of WAYS, so that its peak of memory is its own."""

    def __init__(self, way: str) -> None:
        command = [sys.executable, "-m", "tests.bench.cost", "lengths", way]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.read()

    def read(self) -> dict[str, float]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, n: int) -> dict[str, float]:
        assert self.process.stdin is not None
        print(n, file=self.process.stdin, flush=True)
        return self.read()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def in_turn(ways: tuple[str, str], lengths: tuple[int, ...]) -> dict[tuple[str, int], dict[str, float]]:
    """What each way took at each length, the least of two runs (beyond 2,048 tokens of one), in turn."""
    children = {way: Child(way) for way in ways}
    try:
        found: dict[tuple[str, int], dict[str, float]] = {}
        for n in lengths:
            for _ in range(2 if n <= 2048 else 1):
                for way, child in children.items():
                    new, old = child.ask(n), found.get((way, n), {})
                    found[way, n] = {name: min(value, old.get(name, value)) for name, value in new.items()}
        return found
    finally:
        for child in children.values():
            child.end()


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def _peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def long_texts(lengths: tuple[int, ...] = LENGTHS) -> None:
    found = in_turn(("bare", "blocks"), lengths)
    for n in lengths:
        bare, ours = found["bare", n], found["blocks", n]
        print(f"   {n} tokens: bare {bare['seconds']:.2f} s ({bare['processor']:.2f} s of processor) "
              f"{bare['megabytes']:.0f} MB, every head {ours['seconds']:.2f} s ({ours['processor']:.2f}) "
              f"{ours['megabytes']:.0f} MB", flush=True)  # fmt: skip
        report(f"every head at {n} tokens, time to a bare forward", ours["seconds"] / bare["seconds"], 1.5)
        report(f"the same in processor time at {n} tokens", ours["processor"] / bare["processor"], 1.5)
        report(f"every head at {n} tokens, MB beyond one", ours["megabytes"] - bare["megabytes"], 300)
        report(f"every head at {n} tokens, kB per 72 heads", ours["kilobytes"] * 72 / 270, 400)
    for way, name in (("bare", "a bare forward"), ("blocks", "every head")):
        for what in ("seconds", "processor", "megabytes"):
            costs = [max(found[way, n][what], 0.1) for n in lengths]
            print(f"   {name}: {what} ~ n^{fit_exponent(lengths, costs):.2f}", flush=True)


def whole() -> None:
    """By blocks as quick as by whole layers, up to where the page takes whole layers and beyond."""
    found = in_turn(("whole", "blocks"), (256, 512, 1024))
    for n in (256, 512, 1024):
        ratio = found["blocks", n]["processor"] / found["whole", n]["processor"]
        report(f"by blocks to whole layers at {n} tokens", ratio, 1.0)


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
    print(
        f"   tokens a second with a cache, to those without: {seconds[False] / seconds[True]:.1f}", flush=True
    )


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


PARTS = {
    "long": long_texts, "cache": cache, "window": window, "tiles": tiles, "linear": linear, "whole": whole,
}  # fmt: skip


def main() -> None:
    for part in PARTS.values():
        part()


if __name__ == "__main__":
    if sys.argv[1:2] == ["lengths"]:
        answer_lengths(sys.argv[2])
    else:
        for name in sys.argv[1:] or PARTS:
            print(f"# {name}", flush=True)
            PARTS[name]()
