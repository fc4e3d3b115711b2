"""What a picture is asked to increase: small objectives that add, subtract and multiply.

An objective gives one value per picture of a batch. Where it speaks of units, it may name one unit for all
pictures or one for each, so that a single forward pass serves as many objectives as there are pictures; `each`
gives every picture an objective of its own altogether.

>>> from convscope.lens.objectives import l1, neuron
>>> str(neuron("fc3", [0, 1, 2]) - 0.5 * l1())
'neuron(fc3, [0, 1, 2]) - 0.5 * l1(0)'

`algebra` holds what they are and how they combine, `units` those that name units, `likeness` those that compare
a whole layer with something, `pictures` those that look at the picture itself.
"""

from convscope.lens.objectives.algebra import Objective, Scene, each
from convscope.lens.objectives.attraction import attraction
from convscope.lens.objectives.likeness import caricature, diversity, gram, gram_matrix, gram_near, towards
from convscope.lens.objectives.pictures import Bound, blur, l1, l2, opacity, total_variation
from convscope.lens.objectives.units import Units, as_list, channel, direction, layer, logit, neuron

__all__ = [
    "Bound",
    "Objective",
    "Scene",
    "Units",
    "as_list",
    "attraction",
    "blur",
    "caricature",
    "channel",
    "direction",
    "diversity",
    "each",
    "gram",
    "gram_matrix",
    "gram_near",
    "l1",
    "l2",
    "layer",
    "logit",
    "neuron",
    "opacity",
    "total_variation",
    "towards",
]
