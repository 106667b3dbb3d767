"""What stands behind a mask does not matter: alike with weights, without, and with fewer keys."""

import math

import pytest
import torch

from attention.pooling import attend

STRANGE = (math.nan, math.inf, -math.inf)


def vectors(dtype):
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(2, 5, 8, generator=generator).to(dtype) for _ in range(3)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("which", [1, 2, (1, 2)])
@pytest.mark.parametrize("strange", STRANGE)
def test_a_key_nobody_may_attend_is_as_if_it_were_not_there(strange, which, need_weights, dtype):
    given = vectors(dtype)
    query, key, value = given
    for at in which if isinstance(which, tuple) else (which,):
        given[at][:, 4] = strange
    mask = torch.tensor([True] * 4 + [False]).expand(5, 5)
    found = attend(query, key, value, mask, need_weights=need_weights).output
    without = attend(query, key[:, :4], value[:, :4], need_weights=need_weights).output
    limit = 1e-6 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(found, without, atol=limit, rtol=limit)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("strange", STRANGE)
def test_only_the_queries_that_may_attend_a_strange_value_meet_it(strange, need_weights):
    query, key, value = vectors(torch.float32)
    value[:, 2, 0] = strange
    mask = torch.ones(5, 5, dtype=torch.bool).tril()
    output = attend(query, key, value, mask, need_weights=need_weights).output
    assert output[:, :2].isfinite().all() and output[:, :, 1:].isfinite().all()
    assert not output[:, 2:, 0].isfinite().any()


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("strange", STRANGE)
def test_a_strange_key_breaks_the_rows_that_may_attend_it_and_no_other(strange, need_weights):
    query, key, value = vectors(torch.float32)
    key[:, 2] = strange
    mask = torch.ones(5, 5, dtype=torch.bool).tril()
    output = attend(query, key, value, mask, need_weights=need_weights).output
    clean = attend(query, *vectors(torch.float32)[1:], mask).output
    torch.testing.assert_close(output[:, :2], clean[:, :2])
    assert not output[:, 2:].isfinite().all()


def test_an_empty_row_stays_zero_beside_nan():
    query, key, value = vectors(torch.float32)
    value[:, 0] = math.nan
    mask = torch.ones(5, 5, dtype=torch.bool)
    mask[:, 0] = False
    mask[3] = False
    for need_weights in (True, False):
        output = attend(query, key, value, mask, need_weights=need_weights).output
        assert output.isfinite().all() and (output[:, 3] == 0).all()
