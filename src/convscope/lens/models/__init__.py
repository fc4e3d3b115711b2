"""Networks from anywhere, by one string, with what has to be done to pictures before they enter."""

from convscope.lens.models.check import check_preprocessing
from convscope.lens.models.network import AnyModel, Network, guess_input_shape, network, preprocessing_of
from convscope.lens.models.preprocessing import Preprocessing
from convscope.lens.models.sources import BUILT_IN, load, register, register_files
from convscope.lens.models.world import Best, Inputs, World

__all__ = [
    "BUILT_IN",
    "AnyModel",
    "Best",
    "Inputs",
    "Network",
    "Preprocessing",
    "World",
    "check_preprocessing",
    "guess_input_shape",
    "load",
    "network",
    "preprocessing_of",
    "register",
    "register_files",
]
