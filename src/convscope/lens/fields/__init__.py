"""Which part of the input a layer's units see: exact for any network, and measured on pictures."""

from convscope.lens.fields.effective import EffectiveField, effective_field
from convscope.lens.fields.trace import Visit, receptive_field, trace, visited

__all__ = ["EffectiveField", "Visit", "effective_field", "receptive_field", "trace", "visited"]
