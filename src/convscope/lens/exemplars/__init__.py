"""Which real pictures excite a unit most, which least, and which lie in between: one pass over any number of them."""

from convscope.lens.exemplars.crops import crops, framed
from convscope.lens.exemplars.found import ClassLinks, Examples, Extremes, Found, Sample
from convscope.lens.exemplars.search import examples

__all__ = ["ClassLinks", "Examples", "Extremes", "Found", "Sample", "crops", "examples", "framed"]
