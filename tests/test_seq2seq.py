"""Chapter 9: the dates, the decoder that looks back, its training, its state carried outside."""

import copy
import datetime
import json
import re

import pytest
import safetensors
import safetensors.torch
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from attention import seq2seq
from attention.seq2seq import (
    bahdanau,
    dates,
    evaluate,
    explain_step,
    load,
    train,
    train_chunk,
    translate,
    unpack,
)
from attention.seq2seq.bahdanau import KINDS, TARGET, Seq2Seq, batch_of, decode_characters, generator_for
from attention.seq2seq.translation import trained_path
from attention.training import Run

NUMERALS = dates.CHINESE_DIGITS + "十"
IN_ORDER = ("{y}-{m}-{d}", "{y}-{mm}-{dd}", "{y}年{m}月{d}日", "{zh_y}年{zh_m}月{zh_d}日")
DIGIT_ROWS = (0, 1, 2, 3, 5, 6, 8, 9)  # of the ten output characters, those that are no hyphen


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def small(attention="additive", seed=0):
    return Seq2Seq(attention, 8, generator_for(seed, 0)).requires_grad_(False)


def uniform(model):
    """The same model with its attention broken: v = 0 makes all scores, so all weights, equal."""
    broken = copy.deepcopy(model)
    broken.v.zero_()
    return broken


def in_order_alignments(model, template):
    """Held-out dates written year, month, day -> (spans of the three numbers, weights (n, m))."""
    texts = [dates.write(day, template) for day in dates.dates(held_out=True)[::25]]
    weights = model.write(*batch_of(texts)).weights
    for text, rows in zip(texts, weights, strict=True):
        yield [found.span() for found in re.finditer(f"[0-9{NUMERALS}]+", text)], rows


def share_on_own_number(model, template):
    """Mean weight that the last digit of year, month, day puts on the number it comes from."""
    shares = [
        rows[row, first:end].sum().item()
        for spans, rows in in_order_alignments(model, template)
        for row, (first, end) in zip((3, 6, 9), spans, strict=True)
    ]
    return sum(shares) / len(shares)


# --- dates ---------------------------------------------------------------------------------------


def test_no_held_out_day_is_a_training_day():
    held_out, training = set(dates.dates(True)), set(dates.dates(False))
    assert not held_out & training
    assert len(held_out) + len(training) == 73049  # 200 years, 49 leap days: 1900 has none
    assert 0.09 < len(held_out) / 73049 < 0.11
    sampled = dates.sample(500, held_out=False, generator=generator_for(1, 1))
    assert not {iso for _, iso, _ in sampled} & {day.isoformat() for day in held_out}


def test_no_text_means_two_days():
    meaning = {}
    for year in (1949, 1997, 2003):
        for number in range(365):
            day = datetime.date(year, 1, 1) + datetime.timedelta(days=number)
            for template in dates.templates_for(day):
                text = dates.write(day, template)
                assert meaning.setdefault(text.lower(), day) == day
                assert len(text) <= dates.MAX_LENGTH
                assert not dates.is_ambiguous(text)
                assert bahdanau.UNKNOWN not in bahdanau.encode_text(text)


def test_writing_by_hand():
    day = datetime.date(1997, 5, 3)
    assert day.strftime("%A") == "Saturday"
    assert dates.write(day, "{wday}, {d} {month} {y}") == "Sat, 3 May 1997"
    assert dates.write(day, "{month} {ordinal}, {yy}") == "May 3rd, 97"
    assert dates.write(day, "{y}年{m}月{d}日星期{zh_w}") == "1997年5月3日星期六"
    day = datetime.date(2001, 12, 21)
    assert dates.write(day, "{zh_y}年{zh_m}月{zh_d}日") == "二〇〇一年十二月二十一日"
    assert [dates.ordinal(n) for n in (1, 11, 12, 13, 22, 23, 30)] == [
        "1st", "11th", "12th", "13th", "22nd", "23rd", "30th",
    ]  # fmt: skip


def test_two_digit_years_and_slashes_only_where_they_mean_one_day():
    assert dates.full_year(50) == 1950 and dates.full_year(49) == 2049
    assert not any("{yy}" in way for way in dates.templates_for(datetime.date(1949, 12, 31)))
    assert any("{yy}" in way for way in dates.templates_for(datetime.date(1950, 1, 1)))
    assert "{d}/{m}/{y}" not in dates.templates_for(datetime.date(1997, 5, 3))
    assert "{d}/{m}/{y}" in dates.templates_for(datetime.date(1997, 5, 13))
    assert "{d}/{m}/{y}" in dates.templates_for(datetime.date(1997, 5, 5))
    with pytest.raises(ValueError, match="two-digit"):
        dates.full_year(100)


# --- the model -----------------------------------------------------------------------------------


def test_one_step_is_bahdanaus_equations():
    model = small()
    memory = model.encode(*batch_of(["3 May 1997"]))
    h, s = memory.states[0], memory.start[0]
    assert torch.allclose(s, torch.tanh(model.start.weight @ h[0, 8:] + model.start.bias))
    scores = torch.stack([model.v @ torch.tanh(model.w_q @ s + model.w_k @ key) for key in h])
    weights = scores.exp() / scores.exp().sum()
    context = (weights[:, None] * h).sum(0)
    x = torch.cat([model.written.weight[bahdanau.START], context])
    gru = model.decoder
    reset_x, update_x, new_x = (gru.weight_ih @ x + gru.bias_ih).chunk(3)
    reset_s, update_s, new_s = (gru.weight_hh @ s + gru.bias_hh).chunk(3)
    reset, update = torch.sigmoid(reset_x + reset_s), torch.sigmoid(update_x + update_s)
    state = (1 - update) * torch.tanh(new_x + reset * new_s) + update * s
    logits = model.out.weight @ torch.cat([state, context]) + model.out.bias

    got = model.step(memory.start, torch.tensor([bahdanau.START]), memory)
    for mine, theirs in zip((state, logits, scores, weights), got, strict=True):
        assert torch.allclose(mine, theirs[0], atol=1e-6)


@pytest.mark.parametrize("attention", KINDS)
def test_teacher_forced_on_its_own_output_the_model_repeats_it(attention):
    model = small(attention)
    source, lengths = batch_of(["3 May 1997", "1997年5月13日"])
    written = model.write(source, lengths)
    logits = model(source, lengths, written.characters)
    assert torch.equal(logits.argmax(-1), written.characters)
    assert torch.allclose(logits.softmax(-1), written.probabilities, atol=1e-6)


@pytest.mark.parametrize("attention", KINDS)
def test_padding_changes_nothing_and_gets_no_weight(attention):
    model = load(attention)
    texts = ["3 May 1996", "Wednesday, the 23rd of September 1998", "5.5.01"]
    source, lengths = batch_of(texts)
    together = model.write(source, lengths)
    other = model.write(source.masked_fill(source == 0, 7), lengths)  # whatever the padding holds
    for row, text in enumerate(texts):
        alone, m = translate(model, text), len(text)
        assert decode_characters(together.characters[row]) == alone.output
        assert torch.equal(together.characters, other.characters)
        assert torch.allclose(together.probabilities[row], alone.probabilities, atol=1e-5)
        if attention != "none":
            assert torch.allclose(together.weights[row, :, :m], alone.alignments, atol=1e-5)
            assert not together.weights[row, :, m:].any()


def test_no_attention_means_one_context_for_every_step():
    model = small("none")
    result = translate(model, "3 May 1997")
    assert result.alignments is None and result.scores is None
    with pytest.raises(ValueError, match="no attention"):
        explain_step(result, 0, 0)


def test_parameters_come_from_the_generator_alone():
    before = torch.get_rng_state()
    first, second, other = small(seed=4), small(seed=4), small(seed=5)
    train("dot", steps=1, batch_size=2, hidden=4)
    assert torch.equal(torch.get_rng_state(), before)
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name])
        assert tensor.isfinite().all()
        assert "bias" in name or not torch.equal(tensor, other.state_dict()[name])


@pytest.mark.parametrize("arguments", [("luong", 8), ("dot", 2), ("dot", 500)])
def test_unknown_kinds_and_widths_are_refused(arguments):
    with pytest.raises(ValueError, match="must"):
        Seq2Seq(*arguments, torch.Generator())


# --- the trained models --------------------------------------------------------------------------


def test_the_shipped_additive_model_writes_98_of_100_held_out_dates_and_needs_its_attention():
    model = load("additive")
    assert evaluate(model, 600).exact >= 0.98
    assert evaluate(uniform(model), 600).exact < 0.2


@pytest.mark.parametrize(("attention", "least"), [("additive", 0.98), ("dot", 0.9), ("none", 0.5)])
def test_every_shipped_model_is_small_and_says_how_it_was_made(attention, least):
    path = trained_path(attention)
    assert path.stat().st_size < 1_000_000
    with safetensors.safe_open(path, "pt") as file:
        notes = json.loads(file.metadata()["training"])
    assert notes["attention"] == attention
    assert set(notes) == {*seq2seq.TRAINING_OPTIONS, "attention"}
    assert evaluate(load(attention), 300, seed=1).exact >= least


@pytest.mark.parametrize("template", IN_ORDER)
def test_alignment_moves_forward_where_the_date_is_written_in_order(template):
    forward, ordered, count = 0, 0, 0
    for _, rows in in_order_alignments(load("additive"), template):
        peaks = rows.argmax(-1)[list(DIGIT_ROWS)]
        forward += bool((peaks.diff() >= 0).all())
        centres = rows @ torch.arange(float(rows.shape[1]))  # where a row looks on average
        year, month, day = centres[:4].mean(), centres[5:7].mean(), centres[8:].mean()
        ordered += bool(year < month < day)
        count += 1
    assert count > 250
    assert forward / count >= 0.85
    assert ordered / count >= 0.95


@pytest.mark.parametrize("template", IN_ORDER)
def test_each_digit_looks_at_its_own_number_and_a_broken_attention_does_not(template):
    assert share_on_own_number(load("additive"), template) > 0.7
    assert share_on_own_number(uniform(load("additive")), template) < 0.4


def test_alignment_moves_backward_where_the_date_is_written_day_first():
    peaks = translate(load("additive"), "13.5.1996").alignments.argmax(-1)
    assert peaks[3] > peaks[6] > peaks[9]


@pytest.mark.parametrize(
    "text",
    ["3 May 1997", "May 3rd, 97", "1997年5月3日", "3.5.1997", "Sat, 3 May 1997", "1997-5-3",
     "一九九七年五月三日", "19970503", "  3rd of may, 1997 ", "SAT MAY 3 1997"],
)  # fmt: skip
def test_many_ways_of_one_date_come_out_the_same(text):
    assert translate(load(), text).output == "1997-05-03"


def test_characters_never_seen_share_one_embedding_and_may_separate():
    one, two = translate(load(), "3~May~1997"), translate(load(), "3☃May☃1997")
    assert one.known == two.known == [True, False] + [True] * 3 + [False] + [True] * 4
    assert torch.equal(one.alignments, two.alignments)
    assert one.output == two.output == "1997-05-03"
    assert two.input_tokens == list("3☃May☃1997")


@pytest.mark.parametrize("text", ["", "   ", "1" * 41, None, 3])
def test_empty_too_long_or_no_text_is_refused(text):
    with pytest.raises(ValueError, match="a date must"):
        translate(load(), text)


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_any_text_gets_ten_characters_and_rows_that_sum_to_one(text):
    if not text.strip():
        return
    result = translate(load(), text)
    assert len(result.output) == 10 and set(result.output) <= set(TARGET)
    assert result.alignments.shape == (10, len(result.input_tokens))
    assert torch.allclose(result.alignments.sum(-1), torch.ones(10), atol=1e-5)


@pytest.mark.parametrize("attention", ["additive", "dot"])
def test_an_opened_weight_adds_up(attention):
    result = translate(load(attention), "May 3rd, 97")
    for step, column in ((0, 9), (6, 2), (9, 4)):
        cell = explain_step(result, step, column)
        if attention == "additive":
            u = result.scoring.v.shape[0]
            assert cell.terms.shape == (u,) and cell.scale == 1
        assert cell.terms.sum().item() == pytest.approx(cell.raw, abs=1e-9)
        assert cell.raw * cell.scale == pytest.approx(result.scores[step, column].item(), abs=1e-4)
        assert cell.numerator / cell.denominator == pytest.approx(cell.weight, rel=1e-6)
        assert cell.weight == pytest.approx(result.alignments[step, column].item(), abs=1e-5)
        parts = sum(explain_step(result, step, j).contribution for j in range(11))
        assert torch.allclose(parts, cell.output)
    with pytest.raises(ValueError, match="outside"):
        explain_step(result, 10, 0)


# --- training ------------------------------------------------------------------------------------


def test_loss_falls_in_a_short_training():
    _, record = train_chunk(None, attention="additive", seed=0, steps=80, batch_size=16, held_out=1)
    losses = record.losses
    assert losses[0] == pytest.approx(torch.tensor(11.0).log().item(), abs=0.3)  # knows nothing
    assert sum(losses[-5:]) / 5 < 0.5 * losses[0]


@pytest.mark.parametrize("attention", KINDS)
def test_a_training_in_chunks_is_the_same_training(attention):
    options = dict(attention=attention, seed=3, batch_size=4, held_out=5)
    whole, record = train_chunk(None, steps=6, **options)
    part, first = train_chunk(None, steps=2, **options)
    part, second = train_chunk(part, steps=4, **options)
    assert part == whole
    assert first.losses + second.losses == record.losses
    assert second.step == record.step == 6
    assert second.example.output == record.example.output
    assert second.accuracy == record.accuracy
    assert len(whole) < 2_000_000


def test_live_training_goes_on_as_adam_does():
    """Three chunked steps against torch's own loop, which never leaves memory."""
    state = None
    for _ in range(3):
        state, _ = train_chunk(
            state, attention="dot", seed=1, steps=1, batch_size=4, learning_rate=0.01, held_out=1
        )
    model = Seq2Seq("dot", seq2seq.LIVE_HIDDEN, generator_for(1, 0))
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    for step in (1, 2, 3):
        source, lengths, target = seq2seq.training_batch(4, generator_for(1, step))
        adam.zero_grad()
        F.cross_entropy(model(source, lengths, target).flatten(0, 1), target.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
    for name, tensor in unpack(state, "dot", 1).model.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name])


@pytest.fixture(scope="module")
def state():
    return train_chunk(None, attention="additive", seed=0, steps=1, batch_size=2, held_out=1)[0]


def resaved(state, name, change):
    tensors = safetensors.torch.load(state)
    tensors[name] = change(tensors[name])
    return safetensors.torch.save(tensors)


def put(value):
    def change(tensor):
        changed = tensor.clone()
        changed.view(-1)[-1] = value
        return changed

    return change


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("parameter.v", put(float("nan"))), ("parameter.v", put(float("inf"))),
        ("parameter.out.weight", put(1e6)), ("adam.mean.v", put(-2.0)),
        ("adam.square.v", put(-1e-3)), ("adam.square.v", put(float("nan"))),
        ("parameter.v", lambda t: t.double()), ("parameter.v", lambda t: t[:-1].clone()),
        ("parameter.v", lambda t: t[None]), ("another", lambda t: t),
        ("training.step", put(-1)), ("training.step", put(10**9)), ("training.seed", put(1)),
        ("training.task", lambda t: t + 1), ("training.version", lambda t: t - 1),
        ("training.step", lambda t: t.float()),
    ],
)  # fmt: skip
def test_a_changed_state_is_refused(state, name, change):
    if name == "another":
        tensors = safetensors.torch.load(state) | {"another": torch.zeros(1)}
        changed = safetensors.torch.save(tensors)
    else:
        changed = resaved(state, name, change)
    with pytest.raises(ValueError, match="state|0 to 100000 steps"):
        train_chunk(changed, attention="additive", seed=0, steps=1)


def test_a_state_of_something_else_is_refused(state):
    assert resaved(state, "parameter.v", lambda t: t) == state  # the detour itself is harmless
    for wrong in (b"", b"\xff" * 20, state[:-1], state + b"\0", b"\xff" + state[1:], "text", 7):
        with pytest.raises(ValueError, match="state"):
            train_chunk(wrong, attention="additive", seed=0, steps=1)
    for attention, seed in (("dot", 0), ("none", 0), ("additive", 1)):
        with pytest.raises(ValueError, match="state"):
            train_chunk(state, attention=attention, seed=seed, steps=1)


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"steps": 101}, {"steps": 2.5}, {"batch_size": 65}, {"learning_rate": 0.0},
     {"learning_rate": float("nan")}, {"learning_rate": 1.0}, {"seed": -1}, {"seed": 2**31},
     {"attention": "all"}, {"held_out": 0}, {"example": ""}, {"steps": True}, {"seed": 1.5}],
)  # fmt: skip
def test_numbers_outside_are_refused(wrong):
    options = {"attention": "dot", "seed": 0, "steps": 1, "batch_size": 1} | wrong
    with pytest.raises(ValueError, match="must"):
        train_chunk(None, **options)


def test_a_diverged_run_is_not_packed():
    run = Run.begin(seq2seq.recipe("dot", seq2seq.LIVE_HIDDEN, 1), 0)
    with torch.no_grad():
        run.model.out.weight[0, 0] = 1000.0
    with pytest.raises(ValueError, match="diverged"):
        run.pack()


# --- the command line ----------------------------------------------------------------------------


def test_the_command_line_trains_the_same_file_twice(tmp_path, capsys):
    options = ["train", "--attention", "dot", "--steps", "2", "--batch-size", "2", "--seed", "6"]
    for folder in ("first", "second"):
        seq2seq.main([*options, "--hidden", "4", "--folder", str(tmp_path / folder)])
    name = trained_path("dot").name
    assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    assert "dot: " in capsys.readouterr().out


def test_the_command_line_reports_every_kind(capsys):
    seq2seq.main(["evaluate", "--count", "100"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(KINDS)
    assert all(re.search(r"\d+\.\d\d% of 100 held-out dates exact", line) for line in lines)
