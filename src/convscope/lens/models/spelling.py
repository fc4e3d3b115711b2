"""How a source is spelled: `FORM:NAME(arguments)@weights`."""

import ast
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convscope.errors import InputError

FORMS = {
    "python": "python:package.module:factory or python:path/to/file.py:factory",
    "timm": "timm:NAME",
    "torchvision": "torchvision:NAME",
    "hf": "hf:NAME or hf:FOLDER (transformers)",
}
FILES = "FILE.pt2 (torch.export), FILE.pt (TorchScript), FILE.onnx"
_WEIGHTS = (".safetensors", ".pt", ".pth", ".bin")
_SPELLED = re.compile(r"(?P<name>.*?)(?P<arguments>\(.*\))?", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """One source, taken apart.

    form    one of `FORMS`, or empty for a built-in network and for a file
    args, kwargs    what the factory is called with; literals only
    weights     the file of weights named after @
    called      whether arguments were written at all
    """

    text: str
    form: str
    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    weights: Path | None = None
    called: bool = False

    @classmethod
    def read(cls, text: str) -> "Source":
        """Take a source apart. Raises InputError for arguments that are no Python literals.

        >>> source = Source.read("timm:resnet18(pretrained=False, in_chans=1)@mine.pt")
        >>> source.form, source.name, source.kwargs, source.weights.name
        ('timm', 'resnet18', {'pretrained': False, 'in_chans': 1}, 'mine.pt')
        """
        form, colon, rest = text.partition(":")
        if not colon or form not in FORMS:
            form, rest = "", text
        before, at, file = rest.rpartition("@")
        weights = Path(file) if at and before and file.lower().endswith(_WEIGHTS) else None
        name, arguments = rest if weights is None else before, None
        if form and (spelled := _SPELLED.fullmatch(name)):
            name, arguments = spelled.groups()
        args, kwargs = _literals(arguments, text) if arguments else ((), {})
        return cls(text, form, name, args, kwargs, weights, arguments is not None)

    def none_called(self) -> InputError:
        """What to raise where a name takes no arguments."""
        return InputError(f"model {self.text!r}: arguments for something that is no factory; leave them out")


def _literals(arguments: str, text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    with suppress(SyntaxError, ValueError, TypeError):
        call = ast.parse(f"f{arguments}", mode="eval").body
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and all(each.arg for each in call.keywords):
            args = tuple(ast.literal_eval(each) for each in call.args)
            return args, {str(each.arg): ast.literal_eval(each.value) for each in call.keywords}
    raise InputError(
        f"model {text!r}: {arguments} cannot be read; give numbers, texts in quotes, True, False, None, lists, "
        "such as (width=2, pretrained=False)"
    )
