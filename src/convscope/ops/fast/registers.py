"""The two innermost loops of every convolution, with their sums held in vector registers.

`sum_of_shifts` and `dots_of_shifts` are each other's adjoint in the weights. Both compute a small block of results at
once, so that each number loaded from memory is used several times while it sits in a register (the register blocking of
Goto and van de Geijn 2008, "Anatomy of high-performance matrix multiplication"). A compiler does not find this blocking
by itself, since it cannot prove that writing one result leaves the inputs untouched; therefore these two loops are
written in LLVM's own terms. `convscope.ops.fast.shifts` drives them; nothing else needs to know them.
"""

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as _intrinsic

intrinsic: Any = _intrinsic(prefer_literal=True)  # called without its first argument, which type checkers cannot know


def _vector_registers() -> tuple[int, int]:
    """Size in bytes and number of this processor's vector registers."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64, 32
    if features.get("avx"):
        return 32, 16
    return 16, 32 if llvm.get_process_triple().startswith(("aarch64", "arm64")) else 16


VECTOR_BYTES, _REGISTERS = _vector_registers()
ROWS = 4  # results at once: ROWS x VECTORS sums, VECTORS inputs and one weight must fit the registers
VECTORS = 4 if _REGISTERS == 32 else 2


class _Emitter:
    """Emits vector code for one element type into the function that is being compiled."""

    def __init__(self, context: Any, builder: Any, element: Any) -> None:
        self.builder = builder
        self.index = context.get_value_type(types.intp)
        self.align = context.get_abi_sizeof(context.get_data_type(element))
        self.lanes = VECTOR_BYTES // self.align
        self.vector = ir.VectorType(context.get_data_type(element), self.lanes)

    def at(self, base: Any, *steps: Any) -> Any:
        """`base` moved on by the sum of `steps` elements; a step is a number or a run-time value."""
        for step in steps:
            base = self.builder.gep(base, [self.index(step) if isinstance(step, int) else step])
        return base

    def load(self, pointer: Any) -> Any:
        return self.builder.load(self.builder.bitcast(pointer, self.vector.as_pointer()), align=self.align)

    def store(self, value: Any, pointer: Any) -> None:
        self.builder.store(value, self.builder.bitcast(pointer, self.vector.as_pointer()), align=self.align)

    def broadcast(self, scalar: Any) -> Any:
        lane = ir.IntType(32)
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, lane(0))
        return self.builder.shuffle_vector(
            first, undefined, ir.Constant(ir.VectorType(lane, self.lanes), [0] * self.lanes)
        )

    def variable(self, value: Any) -> Any:
        """A variable that lives in a register once LLVM has optimised its stack slot away."""
        slot = cgutils.alloca_once(self.builder, self.vector)
        self.builder.store(value, slot)
        return slot

    def add_product(self, slot: Any, a: Any, b: Any) -> None:
        product = self.builder.fmul(a, b, flags=("contract",))
        self.builder.store(self.builder.fadd(self.builder.load(slot), product, flags=("contract",)), slot)

    def total(self, vector: Any) -> Any:
        """Sum of a vector's lanes, halves onto halves."""
        lane, lanes = ir.IntType(32), self.lanes
        while lanes > 1:
            lanes //= 2
            halves = [
                self.builder.shuffle_vector(
                    vector, vector, ir.Constant(ir.VectorType(lane, lanes), list(range(k, k + lanes)))
                )
                for k in (0, lanes)
            ]
            vector = self.builder.fadd(*halves)
        return self.builder.extract_element(vector, lane(0))


@intrinsic
def sum_of_shifts(
    typingctx, rows, vectors, x, x0, shifts, w, w0, w_step, places, first, last, pitch, begin, end, start, m0, out,
    out0, plane
):
    """`out[out0 + m*plane + p] = start[m0 + m] + sum_k w[w0 + m*w_step + places[k]] * x[x0 + shifts[k] + p]`.

    For m in `rows` and p in `vectors` vector lengths, both constants; k over `r*pitch + t` for r from `first` to below
    `last` and t from `begin` to below `end`. Arrays are flat.
    """
    intp = types.intp
    signature = types.void(
        rows, vectors, x, intp, shifts, w, intp, intp, places, intp, intp, intp, intp, intp, start, intp, out, intp,
        intp
    )

    def emit(context, builder, signature, args):
        simd = _Emitter(context, builder, signature.args[2].dtype)
        _, _, _, x0, _, _, w0, w_step, _, first, last, pitch, begin, end, _, m0, _, out0, plane = args
        at, (x, shifts, w, places, start, out) = (
            simd.at,
            _pointers(context, builder, signature, args, (2, 4, 5, 8, 14, 16)),
        )
        m_range, q_range = range(rows.literal_value), range(vectors.literal_value)

        initial = [simd.broadcast(builder.load(at(start, m0, m))) for m in m_range]
        sums = [[simd.variable(initial[m]) for _ in q_range] for m in m_range]
        weights = [at(w, w0, builder.mul(w_step, simd.index(m))) for m in m_range]
        one = simd.index(1)
        with cgutils.for_range_slice(builder, first, last, one) as (r, _):
            row = builder.mul(r, pitch)
            with cgutils.for_range_slice(builder, builder.add(row, begin), builder.add(row, end), one) as (k, _):
                shifted, place = at(x, x0, builder.load(at(shifts, k))), builder.load(at(places, k))
                cells = [simd.load(at(shifted, q * simd.lanes)) for q in q_range]
                for m in m_range:
                    weight = simd.broadcast(builder.load(at(weights[m], place)))
                    for q in q_range:
                        simd.add_product(sums[m][q], weight, cells[q])
        for m in m_range:
            row = at(out, out0, builder.mul(plane, simd.index(m)))
            for q in q_range:
                simd.store(builder.load(sums[m][q]), at(row, q * simd.lanes))
        return context.get_dummy_value()

    return signature, emit


@intrinsic
def dots_of_shifts(
    typingctx, rows, taps, x, x0, shifts, y, y0, plane, out, out0, out_step, places, k0, runs, x_step, y_step, length
):
    """`out[out0 + m*out_step + places[k]] += sum_i sum_p y[y0 + m*plane + i*y_step + p] * x[x0 + shifts[k] +
    i*x_step + p]`.

    For m in `rows` and k in `taps` from k0 on, both constants; i over `runs`, p over `length`, a multiple of the vector
    length.
    """
    intp = types.intp
    signature = types.void(
        rows, taps, x, intp, shifts, y, intp, intp, out, intp, intp, places, intp, intp, intp, intp, intp
    )

    def emit(context, builder, signature, args):
        simd = _Emitter(context, builder, signature.args[2].dtype)
        _, _, _, x0, _, _, y0, plane, _, out0, out_step, _, k0, runs, x_step, y_step, length = args
        at, (x, shifts, y, out, places) = simd.at, _pointers(context, builder, signature, args, (2, 4, 5, 8, 11))
        m_range, t_range = range(rows.literal_value), range(taps.literal_value)

        zero = ir.Constant(simd.vector, [0.0] * simd.lanes)
        sums = [[simd.variable(zero) for _ in t_range] for _ in m_range]
        shifted = [at(x, x0, builder.load(at(shifts, k0, t))) for t in t_range]
        planes = [at(y, y0, builder.mul(plane, simd.index(m))) for m in m_range]
        vectors = builder.udiv(length, simd.index(simd.lanes))
        with cgutils.for_range(builder, runs) as run:
            x_run, y_run = builder.mul(run.index, x_step), builder.mul(run.index, y_step)
            with cgutils.for_range(builder, vectors) as loop:
                p = builder.mul(loop.index, simd.index(simd.lanes))
                cells = [simd.load(at(pointer, x_run, p)) for pointer in shifted]
                for m in m_range:
                    weight = simd.load(at(planes[m], y_run, p))
                    for t in t_range:
                        simd.add_product(sums[m][t], weight, cells[t])
        for m in m_range:
            row = at(out, out0, builder.mul(out_step, simd.index(m)))
            for t in t_range:
                cell = at(row, builder.load(at(places, k0, t)))
                builder.store(builder.fadd(builder.load(cell), simd.total(builder.load(sums[m][t]))), cell)
        return context.get_dummy_value()

    return signature, emit


def _pointers(context: Any, builder: Any, signature: Any, args: Any, positions: tuple[int, ...]) -> list[Any]:
    """Where the arrays among the arguments begin."""
    return [context.make_array(signature.args[k])(context, builder, args[k]).data for k in positions]
