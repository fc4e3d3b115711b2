"""The catalogue: known mistakes of every part, as something that runs; the words for them stand in `texts`."""

from convscope.grading.mistakes import conv, dense, pool
from convscope.grading.mistakes.slip import Slip, answer

__all__ = ["CHOICES", "SLIPS", "Slip", "answer"]

CHOICES = pool.CHOICES
SLIPS: dict[tuple[str, str], tuple[Slip, ...]] = {
    ("conv2d", "forward"): conv.FORWARD,
    ("conv2d", "dx"): conv.DX,
    ("conv2d", "dw"): conv.DW,
    ("conv2d", "db"): conv.DB,
    ("max_pool2d", "forward"): pool.MAX_FORWARD,
    ("max_pool2d", "dx"): pool.MAX_DX,
    ("avg_pool2d", "forward"): pool.AVG_FORWARD,
    ("avg_pool2d", "dx"): pool.AVG_DX,
    ("linear", "forward"): dense.LINEAR_FORWARD,
    ("linear", "dx"): dense.LINEAR_DX,
    ("linear", "dw"): dense.LINEAR_DW,
    ("linear", "db"): dense.LINEAR_DB,
    ("relu", "forward"): dense.RELU_FORWARD,
    ("relu", "dx"): dense.RELU_DX,
}
"""The mistakes of each part, likely ones first."""
