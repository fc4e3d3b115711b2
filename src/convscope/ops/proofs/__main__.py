"""A small example: `python -m convscope.ops.proofs`."""

import numpy as np

from convscope import ops
from convscope.ops import proofs


def main() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.integers(-9, 10, (2, 2, 6, 7)), rng.integers(-9, 10, (3, 2, 3, 3))
    print(f"x {x.shape}, w {w.shape}, padding=1: one convolution, {len(proofs.FORMS)} forms\n")
    print(proofs.prove(x, w, padding=1))

    table = proofs.costs(x.shape, w.shape, padding=1, itemsize=x.itemsize)
    print(f"\n{'form':16} {'products':>9} {'additions':>9} {'bytes stored':>13}")
    for name, cost in table.items():
        print(f"{name:16} {cost.multiplications:9,} {cost.additions:9,} {cost.stored:13,}")

    layer = proofs.connections(x.shape, w.shape, padding=1)
    W, y = proofs.matrix(x.shape, w, padding=1), rng.integers(-9, 10, (3 * 6 * 7,))
    print(f"\nW is {layer.shape[0]} x {layer.shape[1]} with {W.nnz:,} non-zeros; <Wx, y> and <x, W'y>:", end=" ")
    print(int((W @ x[0].ravel()) @ y), "and", int(x[0].ravel() @ (W.T @ y)))
    print("weights to learn:", ", ".join(f"{kind} {count:,}" for kind, count in layer.parameters.items()))

    grad = rng.integers(-9, 10, (2, 3, 6, 7))
    copies = proofs.copy_gradients(layer, x, grad)
    right = ops.conv2d_weight_grad(x.astype(float), w.shape, grad.astype(float), padding=1)
    total, mean = proofs.summed(layer, copies), proofs.averaged(layer, copies)
    cosine = np.vdot(total, mean) / np.linalg.norm(total) / np.linalg.norm(mean)
    print(f"\nGradient of the shared weights = sum over their copies: {np.array_equal(total, right)}")
    print("Copies of each weight of one kernel (fewer where a tap reads the padding):")
    print(layer.copies[0, 0])
    shorter = np.linalg.norm(total) / np.linalg.norm(mean)
    print(f"The mean instead is {shorter:.1f} times as short, and turned: cosine {cosine:.4f} to the gradient.")
    sizes = {"conv1": ((1, 1, 28, 28), (6, 1, 5, 5), 2), "conv2": ((1, 6, 14, 14), (16, 6, 5, 5), 0)}
    ranges = {name: proofs.connections(x, w, padding=p).copies for name, (x, w, p) in sizes.items()}
    print("Copies of a weight in LeNet-5, so how much shorter the mean makes a layer's step (fully connected: 1):")
    print("\n".join(f"  {name}: {n.min()} to {n.max()}" for name, n in ranges.items()))


if __name__ == "__main__":
    main()
