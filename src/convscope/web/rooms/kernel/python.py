"""The same in Python: code that runs as it is, and gives the page's numbers."""

from convscope.web.rooms.kernel.asked import Asked
from convscope.web.rooms.kernel.case import longest
from convscope.web.sources import TAKEN, Source

PLAIN = {"bias": 0.0, "stride": 1, "padding": 0, "dilation": 1, "padding_mode": "zeros", "flip": False}
"""Arguments that need not be written."""


def snippet(asked: Asked, call: str, function: str) -> str:
    """`call` is what is asked about `inputs`, the operator's arguments; `function` its name in ops.explain."""
    source = Source.parse(asked.picture)
    scaled = source.kind == "upload" or source.value in TAKEN
    making = source.python(longest(source) if scaled else None).splitlines()
    imports = [line for line in making if line.startswith(("import ", "from "))]
    convscopes = [line for line in imports if "convscope" in line]
    if scaled:
        making.append('picture = np.asarray(Image.fromarray(picture).convert("L"))')
    cut = "[len(picture) // 2]" if asked.axes == 1 else ""
    kernel = asked.kernel[0] if asked.axes == 1 else asked.kernel
    return "\n".join(
        [
            *(line for line in imports if line not in convscopes),
            "",
            "from convscope import ops",
            f"from convscope.ops.explain import {function}",
            *convscopes,
            "",
            *(line for line in making if line and line not in imports),
            f"x = np.round(picture{cut} * ({asked.greys} / 255))[None, None]",
            f"w = np.array({kernel})[None, None]",
            f'inputs = {{"x": x, "w": w{_how(asked)}}}',
            f"out = ops.conv{asked.axes}d(**inputs)",
            "print(out[0, 0])",
            f"print({call})",
        ]
    )


def _how(asked: Asked) -> str:
    given = asked.model_dump(include=set(PLAIN))
    written = {
        name: f"np.array([{value}])" if name == "bias" else f'"{value}"' if isinstance(value, str) else str(value)
        for name, value in given.items()
        if value != PLAIN[name]
    }
    return "".join(f', "{name}": {value}' for name, value in written.items())
