"""Dreams: a picture changed until a network sees more in it; and films of dreams within dreams."""

from convscope.lens.dreams.dreaming import Dream, DreamStopped, Glimpse, dream
from convscope.lens.dreams.film import Film
from convscope.lens.dreams.zoom import zooming

__all__ = ["Dream", "DreamStopped", "Film", "Glimpse", "dream", "zooming"]
