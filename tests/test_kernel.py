"""Chapter 5: kernel regression is attention with a Gaussian score."""

import math

import pytest
import torch

from attention import kernel
from attention.kernel import (
    LearnedWidth,
    average_pooling,
    errors_by_bandwidth,
    leave_self_out,
    make_data,
    mean_squared_error,
    nadaraya_watson,
    open_cell,
    train_width,
    truth,
)

X, Y = make_data()
PLACES = torch.linspace(0, 5, 40)


def test_nadaraya_watson_by_hand():
    # distances 0 and 2 at h = 1: kernels 1 and exp(-2)
    attended = nadaraya_watson(torch.tensor([1.0]), torch.tensor([1.0, 3.0]), torch.tensor([4.0, 8.0]), 1.0)
    far = math.exp(-2)
    assert attended.weights[0].tolist() == pytest.approx([1 / (1 + far), far / (1 + far)])
    assert attended.scores[0].tolist() == pytest.approx([0.0, -2.0])
    assert attended.output.item() == pytest.approx((4 + 8 * far) / (1 + far))


@pytest.mark.parametrize("bandwidth", [0.05, 0.5, 3.0])
def test_nadaraya_watson_equals_the_quotient_of_sums(bandwidth):
    x, y, places = X.double(), Y.double(), PLACES.double()
    kernels = torch.exp(-((places[:, None] - x[None]) ** 2) / (2 * bandwidth**2))
    expected = (kernels * y).sum(1) / kernels.sum(1)
    attended = nadaraya_watson(places, x, y, bandwidth)
    torch.testing.assert_close(attended.output, expected)
    torch.testing.assert_close(attended.weights.sum(-1), torch.ones(40, dtype=torch.float64))


def test_a_wide_kernel_is_the_average_and_a_narrow_one_the_nearest_point():
    average = average_pooling(PLACES, X, Y)
    torch.testing.assert_close(average.output, Y.mean().expand(40))
    torch.testing.assert_close(average.weights, torch.full((40, 50), 1 / 50))
    wide = nadaraya_watson(PLACES, X, Y, 1e4).output
    torch.testing.assert_close(wide, average.output, rtol=1e-4, atol=1e-4)
    nearest = Y[(PLACES[:, None] - X[None]).abs().argmin(1)]
    torch.testing.assert_close(nadaraya_watson(PLACES, X, Y, 1e-4).output, nearest)


def test_errors_of_many_bandwidths_are_those_of_each():
    widths, expected = torch.tensor([0.02, 0.3, 1.0, 10.0]), truth(PLACES)
    found = errors_by_bandwidth(PLACES, X, Y, expected, widths).tolist()
    one_by_one = [
        mean_squared_error(nadaraya_watson(PLACES, X, Y, h).output, expected) for h in widths.tolist()
    ]
    assert found == pytest.approx(one_by_one, rel=1e-5)
    with pytest.raises(ValueError, match="greater than 0"):
        errors_by_bandwidth(PLACES, X, Y, expected, torch.tensor([0.0]))
    with pytest.raises(ValueError, match="per query"):
        errors_by_bandwidth(PLACES, X, Y, expected[1:], widths)


def test_narrower_kernels_have_larger_top_weights():
    tops = [nadaraya_watson(PLACES, X, Y, h).weights.amax(-1).mean() for h in (2, 0.5, 0.1, 0.02)]
    assert tops == sorted(tops)


def test_a_far_query_is_defined():
    assert nadaraya_watson(torch.tensor([1e6]), X, Y, 0.1).output.item() == pytest.approx(Y[-1])


def test_one_point_answers_everything():
    attended = nadaraya_watson(PLACES, torch.tensor([2.0]), torch.tensor([7.0]), 0.5)
    assert attended.weights.eq(1).all() and attended.output.eq(7).all()
    assert average_pooling(PLACES, torch.tensor([2.0]), torch.tensor([7.0])).output.eq(7).all()


def test_points_at_the_same_place_share_evenly():
    x, y = torch.tensor([1.0, 1.0, 4.0]), torch.tensor([2.0, 4.0, 9.0])
    attended = nadaraya_watson(torch.tensor([1.0]), x, y, 0.01)
    assert attended.weights[0].tolist() == [0.5, 0.5, 0.0]
    assert attended.output.item() == 3.0
    assert not train_width(x, y, steps=50).diverged
    everywhere_the_same = torch.ones(5)
    record = train_width(everywhere_the_same, torch.arange(5.0), steps=5)
    assert len(set(record.loss)) == 1 and set(record.width) == {1.0}


def test_leaving_oneself_out_equals_removing_the_key():
    masked = nadaraya_watson(X, X, Y, 0.3, leave_self_out(50))
    assert masked.weights.diagonal().eq(0).all()
    for i in (0, 7, 49):
        rest = torch.arange(50) != i
        removed = nadaraya_watson(X[i : i + 1], X[rest], Y[rest], 0.3)
        torch.testing.assert_close(masked.output[i], removed.output[0])
        torch.testing.assert_close(masked.weights[i, rest], removed.weights[0])


def test_learned_width_is_one_over_the_bandwidth():
    mask = leave_self_out(50)
    with torch.no_grad():
        learned = LearnedWidth(4.0)(X, X, Y, mask)
        torch.testing.assert_close(learned.output, nadaraya_watson(X, X, Y, 0.25, mask).output)
        torch.testing.assert_close(
            LearnedWidth(0.0)(PLACES, X, Y).output, average_pooling(PLACES, X, Y).output
        )


@pytest.mark.parametrize("bandwidth", [None, 0.3])
def test_every_cell_opens(bandwidth):
    mask = None if bandwidth is None else leave_self_out(50)
    if bandwidth is None:
        attended = average_pooling(X, X, Y)
    else:
        attended = nadaraya_watson(X, X, Y, bandwidth, mask)
    for column in (3, 4, 20):
        cell = open_cell(X, X, Y, 4, column, bandwidth, mask)
        assert cell.weight == pytest.approx(attended.weights[4, column].item(), abs=1e-6)
        assert cell.weight == pytest.approx(cell.numerator / cell.denominator)
        assert cell.output.item() == pytest.approx(attended.output[4].item(), rel=1e-5)


def learns(record):
    """The width moves away from its start and the points are predicted better from the others."""
    return record.held_out[-1] < 0.6 * record.held_out[0] and record.width[-1] > 2


def test_the_width_is_learned_from_the_others():
    record = train_width(X, Y, truth_known=True)
    assert learns(record) and not record.diverged and len(record.loss) == 301
    assert record.held_out == record.loss
    assert record.true_error[-1] < 0.2 * record.true_error[0]
    # no bandwidth on a grid does better
    errors = [
        mean_squared_error(nadaraya_watson(X, X, Y, h, leave_self_out(50)).output, Y)
        for h in torch.linspace(0.05, 1, 60).tolist()
    ]
    assert record.loss[-1] <= min(errors) + 1e-5


def test_points_that_look_at_themselves_learn_the_noise_by_heart():
    honest = train_width(X, Y, truth_known=True)
    own = train_width(X, Y, exclude_self=False, truth_known=True)
    assert own.loss[-1] < 0.5 * honest.loss[-1]
    assert own.width[-1] > 3 * honest.width[-1]
    assert own.held_out[-1] > 1.2 * honest.held_out[-1]
    assert own.true_error[-1] > 2 * honest.true_error[-1]
    with torch.no_grad():
        exact = LearnedWidth(1e5)(X, X, Y).output
    torch.testing.assert_close(exact, Y)


def test_attention_that_cannot_choose_does_not_pass_as_trained(monkeypatch):
    monkeypatch.setattr(kernel, "_weigh", lambda widths, *rest, weigh=kernel._weigh: weigh(0 * widths, *rest))
    assert not learns(train_width(X, Y))


@pytest.mark.parametrize("exclude_self", [True, False])
@pytest.mark.parametrize("learning_rate", [2.0, 30.0])
def test_the_gradient_that_is_written_out_is_autograds(exclude_self, learning_rate):
    record = train_width(X, Y, exclude_self=exclude_self, learning_rate=learning_rate, steps=20)
    model, mask = LearnedWidth(), leave_self_out(50) if exclude_self else None
    for width, expected in zip(record.width, record.loss, strict=True):
        loss = (model(X, X, Y, mask).output - Y).square().mean()
        assert (model.width.item(), loss.item()) == pytest.approx((width, expected), rel=1e-5)
        (slope,) = torch.autograd.grad(loss, model.width)
        model.width.data -= learning_rate * slope


def test_errors_on_the_way_are_those_of_each_width(monkeypatch):
    record = train_width(X, Y, exclude_self=False, steps=20, truth_known=True)
    places = torch.linspace(X.min(), X.max(), 100)
    with torch.no_grad():
        for width, held_out, error in zip(record.width, record.held_out, record.true_error, strict=True):
            others = LearnedWidth(width)(X, X, Y, leave_self_out(50)).output
            assert held_out == pytest.approx(mean_squared_error(others, Y), rel=1e-5)
            answered = LearnedWidth(width)(places, X, Y).output
            assert error == pytest.approx(mean_squared_error(answered, truth(places)), rel=1e-5)
    monkeypatch.setattr(kernel, "NEAR", 1)  # one width at a time
    assert train_width(X, Y, exclude_self=False, steps=20, truth_known=True).held_out == pytest.approx(
        record.held_out, rel=1e-6
    )


def test_training_twice_gives_the_same_numbers():
    assert train_width(X, Y, steps=40) == train_width(X, Y, steps=40)


def test_the_record_is_finite_when_the_width_runs_away():
    for learning_rate in (1e4, 1e30):
        for exclude_self in (True, False):
            record = train_width(
                X, Y, learning_rate=learning_rate, exclude_self=exclude_self, truth_known=True
            )
            numbers = record.width + record.loss + record.held_out + record.true_error
            assert record.width[0] == 1.0 and all(map(math.isfinite, numbers))
    assert train_width(X, Y, learning_rate=1e30).diverged


def test_two_hundred_points_and_queries_are_fine():
    x, y = make_data(200)
    assert nadaraya_watson(torch.linspace(0, 5, 200), x, y, 0.2).weights.shape == (200, 200)
    assert learns(train_width(x, y, steps=30))


def test_the_data_is_sorted_reproducible_and_without_noise_the_truth():
    x, y = make_data(30, 0.5, seed=3)
    again = make_data(30, 0.5, seed=3)
    assert torch.equal(x, again[0]) and torch.equal(y, again[1])
    assert (x.diff() >= 0).all() and x.min() >= 0 and x.max() <= 5
    clean_x, clean_y = make_data(30, 0.0, seed=3)
    assert torch.equal(clean_x, x) and torch.equal(clean_y, truth(x))
    assert not torch.equal(make_data(30, 0.5, seed=4)[0], x)


def test_truth_by_hand():
    assert truth(torch.tensor([0.0, 1.0])).tolist() == pytest.approx([0, 2 * math.sin(1) + 1])
    with pytest.raises(ValueError, match="below 0"):
        truth(torch.tensor([-0.1]))


def test_mean_squared_error_by_hand():
    assert mean_squared_error(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 5.0])) == 4.5
    with pytest.raises(ValueError, match="one expected number per prediction"):
        mean_squared_error(X, X[:-1])


NONE, NAN = torch.zeros(0), torch.tensor([1.0, math.nan])
BAD = {
    "bandwidth zero": (lambda: nadaraya_watson(X, X, Y, 0.0), "bandwidth must be greater"),
    "bandwidth negative": (lambda: nadaraya_watson(X, X, Y, -1.0), "bandwidth must be greater"),
    "bandwidth nan": (lambda: nadaraya_watson(X, X, Y, math.nan), "bandwidth must be greater"),
    "bandwidth infinite": (lambda: nadaraya_watson(X, X, Y, math.inf), "finite"),
    "bandwidth too small": (lambda: nadaraya_watson(X, X, Y, 1e-30), "too small"),
    "unequal lengths": (lambda: nadaraya_watson(X, X, Y[:-1], 1.0), "50 x and 49 y"),
    "no points": (lambda: average_pooling(X, NONE, NONE), "at least one point"),
    "nan": (lambda: nadaraya_watson(X, NAN, NAN, 1.0), "x must be finite"),
    "nan query": (lambda: average_pooling(NAN, X, Y), "queries must be finite"),
    "matrix": (lambda: average_pooling(X[None], X, Y), "must be vectors"),
    "one point to learn from": (lambda: train_width(X[:1], Y[:1]), "at least 2 points"),
    "nan to learn from": (lambda: train_width(NAN, X[:2]), "must be finite"),
    "no steps": (lambda: train_width(X, Y, steps=0), "steps must be at least 1"),
    "learning rate": (lambda: train_width(X, Y, learning_rate=0.0), "learning_rate"),
    "start zero": (lambda: train_width(X, Y, start=0.0), "not 0"),
    "start nan": (lambda: train_width(X, Y, start=math.nan), "must be finite"),
    "start too large": (lambda: train_width(X, Y, start=1e25), "overflows"),
    "one point of data": (lambda: make_data(1), "at least 2"),
    "negative noise": (lambda: make_data(5, -1.0), "noise must be 0 or more"),
}


@pytest.mark.parametrize("call, words", BAD.values(), ids=BAD)
def test_what_breaks_a_rule_is_a_value_error(call, words):
    with pytest.raises(ValueError, match=words):
        call()
