"""What forms cost, and the report. test_forms has the counts for any convolution."""

import tracemalloc

import numpy as np
import pytest

from convscope.errors import InputError
from convscope.ops import proofs
from convscope.ops.proofs.transformed import A, B


def test_winograd_needs_16_products_where_36_were():
    table = proofs.costs((1, 64, 8, 8), (64, 64, 3, 3), padding=1)
    tiles = 4 * 4
    assert table["im2col"].multiplications == 36 * tiles * 64 * 64
    assert table["winograd"].multiplications - 4 * tiles * 64 == 16 * tiles * 64 * 64


def test_additions_of_winograd_are_those_of_its_matrices():
    """A row with k ones takes k - 1 additions; a matrix works on the columns of a plane, then on its rows."""
    tile, back = ((np.abs(matrix).sum(axis=1) - 1).sum() for matrix in (B, A))
    table = proofs.costs((3, 5, 8, 6), (7, 5, 3, 3), padding=1)
    tiles = 3 * 4 * 3
    kernels = 7 * 5 * (3 + 4) * 5  # five for each column and row of three: two doublings, g0 + g2, that + g1, that - g1
    transforms = tiles * 5 * (4 + 4) * tile + tiles * 7 * (4 + 2) * back + kernels
    assert table["winograd"].additions == 16 * tiles * 5 * 7 + transforms


def test_a_cost_by_hand():
    """6 x 6 under 3 x 3: 16 cells out; 36 log2(36) = 186.12 for each of three transforms of 6 x 4 frequencies."""
    table = proofs.costs((1, 1, 6, 6), (1, 1, 3, 3))
    assert (table["fft"].multiplications, table["fft"].additions) == (558 + 4 * 24, 838 + 4 * 24)
    assert table["fft"].stored == 4 * (36 + 9 + 2 * 3 * 24 + 36)
    assert table["shifts"].stored == 4 * (36 + 16 + 16)
    assert table["winograd"].stored == 4 * (36 + 16 * (4 + 4 + 1))
    assert all(cost.moved == 4 * (36 + 9 + 16) + 2 * cost.stored for cost in table.values())


def test_kernel_size_does_not_matter_to_the_fft():
    small, large = (proofs.costs((1, 4, 32, 32), (4, 4, k, k), padding="same")["fft"] for k in (3, 11))
    direct = (proofs.costs((1, 4, 32, 32), (4, 4, k, k), padding="same")["im2col"] for k in (3, 11))
    assert large.multiplications < 2 * small.multiplications  # larger only by the padding
    few, many = (one.multiplications for one in direct)
    assert many == few * 121 // 9


@pytest.mark.parametrize("form", proofs.FORMS)
def test_memory_is_at_least_what_is_said_and_not_many_times_it(form):
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 8, 29, 31), (8, 8, 3, 3)))
    cost = proofs.costs(x.shape, w.shape, padding=1)[form]
    proofs.FORMS[form](x, w, padding=1)
    tracemalloc.start()
    try:
        y = proofs.FORMS[form](x, w, padding=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.9 * cost.stored <= peak <= 12 * (cost.stored + y.nbytes)


def test_the_report_says_what_holds_and_what_does_not_apply():
    rng = np.random.default_rng(0)
    x, w = rng.integers(-9, 10, (2, 2, 7, 6)), rng.integers(-9, 10, (4, 1, 3, 3))
    proof = proofs.prove(x, w, groups=2, padding=2, padding_mode="circular", flip=True)
    assert proof.holds
    assert [(one.form, one.difference) for one in proof.verdicts] == [(form, 0) for form in proofs.FORMS]
    proof = proofs.prove(x, w, groups=2, dilation=2)
    assert proof.holds
    (refused,) = (one for one in proof.verdicts if one.why_not)
    assert refused.form == "winograd"
    assert "dilation=(2, 2): Winograd's F(2x2, 3x3) is for kernels of 3 x 3" in str(proof)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_report_on_floats(dtype):
    rng = np.random.default_rng(0)
    x, w, bias = (rng.standard_normal(shape).astype(dtype) for shape in ((2, 3, 20, 17), (4, 3, 3, 3), (4,)))
    proof = proofs.prove(x, w, bias, padding=1)
    assert proof.holds
    assert 0 < proof.tolerance < (1e-2 if dtype == np.float32 else 1e-11)
    assert len(str(proof).splitlines()) == 1 + len(proofs.FORMS)


def test_a_wrong_form_is_found_out(monkeypatch):
    right = proofs.FORMS["shifts"]
    monkeypatch.setitem(proofs.FORMS, "shifts", lambda x, w, *rest: right(x, w[:, :, ::-1, ::-1], *rest))
    proof = proofs.prove(np.arange(12).reshape(1, 1, 3, 4), np.array([[[[1, 2]]]]))
    assert not proof.holds
    assert "shifts           NO     1" in str(proof)


def test_the_report_refuses_sums_that_its_judge_cannot_hold():
    with pytest.raises(InputError, match=f"sums up to {2**54}: the forms are compared with float64"):
        proofs.prove(np.full((1, 1, 1, 1), 2**27), np.full((1, 1, 1, 1), 2**27))
