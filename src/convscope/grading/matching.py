"""From the names in somebody's file to what they are meant to be: which operator, which part, which argument."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from convscope.errors import InputError
from convscope.grading.cases import OPS, PARTS

OP_WORDS = {
    "max_pool2d": r"max_?pool",
    "avg_pool2d": r"(avg|average|mean)_?pool",
    "conv2d": r"conv(olve|olution|olutional|olutions)?(2_?d)?(?![a-z])|(cross_?)?corr(elate|elation)?(2_?d)?(?![a-z])",
    "linear": r"(?<![a-z])(linear|dense|affine|fc|fully_?connected)(?![a-z])",
    "relu": r"(?<![a-z])d?relu(?![a-z])",
}
NOT_MEANT = (
    r"^_?(im2_?col|col2_?im)|(?<!\d)[13]_?d(?![a-z])|(?<![a-z])("
    r"single|step|size|shape|dims?|helper|tests?|check|init|initiali[sz]e|main|leaky|demo|"
    r"transpose[d]?|depthwise|separable|block|net|network|model|softmax|loss|numerical)(?![a-z])"
)
BACKWARD = r"back|grad|bwd|deriv|prime|(?<![a-z])d(conv|relu|max|avg|pool|linear|x|w|b|k|input|weights?|bias)(?![a-z])"
PART_WORDS = {
    "dw": r"(?<![a-z])d?(w|k|weights?|kernels?|filters?)(?![a-z])",
    "db": r"(?<![a-z])d?(b|bias|biases)(?![a-z])",
    "dx": r"(?<![a-z])d?(x|a|a_prev|inputs?)(?![a-z])",
}

ROLE_WORDS = {
    "dy": r"d_?(out|y|z|l_?d_?(out|y|z)|a_?out|output|outputs|h|o|upstream)|dout|delta|upstream\w*"
    r"|(out|output)_?grad\w*|grad_?(out|output|outputs|y|z|upstream|in|next)?|gradients?|g|gy|dl_?d\w+|gout|error|top_?diff",
    "cache": r"caches?|ctx|context|saved|memory|tape",
    "indices": r"ind(ices|exes)?|idx|arg_?max|switches|mask|max_?idx|locations",
    "x_shape": r"(x|input|in|img|image)_?(shape|size|dims?)",
    "w_shape": r"(w|weights?|kernel|filter|k)_?(shape|dims?)",
    "settings": r"(conv|pool)_?params?|hparams?|h_?parameters|hyper_?param\w*|params?|options|opts|config|settings",
    "kernel": r"kernel_?size|ksize|k_?size|pool_?size|filter_?size|window(_?size)?|pool|field|size|f_?size|pool_?shape"
    r"|kernel_?shape|pool_?kernel|poolsize",
    "kernel_h": r"pool_?h(eight)?|kernel_?h(eight)?|ph|kh|hh|r|filter_?h(eight)?",
    "kernel_w": r"pool_?w(idth)?|kernel_?w(idth)?|pw|kw|ww|filter_?w(idth)?",
    "in_channels": r"in_?(channels?|ch|c|planes|features|dims?|size)|c_?in|n_?in|channels_?in|input_?(channels?|dims?"
    r"|features|size)|(num|n)_?(in_?)?(channels|inputs)|inputs|channels",
    "out_channels": r"out_?(channels?|ch|c|planes|features|dims?|size)|c_?out|n_?out|channels_?out|output_?(channels?"
    r"|dims?|features|size)|(num|n)_?(out_?)?(filters|kernels|outputs|neurons|units|nodes)|(num|n)_?out_?channels|outputs|filters|units"
    r"|neurons|nodes|m",
    "stride": r"strides?|step(_?size)?|s|st|stride_?size",
    "padding": r"pad(ding|s|_?size)?|p|zero_?pad(ding)?",
    "dilation": r"dilation|dilations|dil|rate|d",
    "groups": r"groups?|n_?groups",
    "rate": r"(learn(ing)?_?)?rate|lr|eta",
    "mode": r"mode|pool_?mode|kind|type",
    "flip": r"flip",
    "y": r"y|out|outputs?|result|z|a_?out",
    "b": r"b|biases|bias|b_?vec|intercept|beta",
    "w": r"w|weights?|kernels?|filters?|k|f|filt|wt|w_?mat|mat|theta|kern|ker|h|mask|conv_?w|fil",
    "x": r"x|inputs?|inp|in_?data|images?|imgs?|pictures?|pics?|data|a_?prev|a|arr|array|feature_?maps?|fm|map|in_|m"
    r"|signal|matrix|tensor|xs|batch|z|input_?(data|tensor|image|map|array)",
}
"""Names of arguments, lower case, by what is meant; the first that fits whole counts."""

_DIFFERENT = {
    "max_pool2d": {"k": "kernel", "f": "kernel", "kernel": "kernel", "filter": "kernel", "n": "kernel", "p": "kernel",
                   "h": "kernel_h", "w": "kernel_w", "m": "mode"},
    "relu": {"z": "x", "out": "y", "mask": "cache", "y": "y", "h": "x"},
    "init": {"k": "kernel", "f": "kernel", "kernel": "kernel", "size": "kernel", "filters": "out_channels",
             "kernels": "out_channels", "n_filters": "out_channels"},
}  # fmt: skip
_DIFFERENT["avg_pool2d"] = _DIFFERENT["max_pool2d"]

FORWARD_ORDER = {
    "conv2d": ("x", "w", "b", "stride", "padding"),
    "linear": ("x", "w", "b"),
    "relu": ("x",),
    "max_pool2d": ("x", "kernel", "stride", "padding"),
    "avg_pool2d": ("x", "kernel", "stride", "padding"),
}
"""What the arguments are by their place, where names do not say it; a backward pass has dy first."""

BACKWARD_ONLY = ("dy", "cache", "indices", "x_shape", "w_shape", "y")
ROLES = frozenset(ROLE_WORDS)


@dataclass(frozen=True)
class Argument:
    """One parameter of a function: its role here, and whether it must be given."""

    name: str
    role: str
    required: bool
    default: str
    positional: bool


@dataclass(frozen=True)
class Function:
    """A function, or a class with a way forward and perhaps back, and the operator it is meant to be.

    parts     what its answer is, in order: ("forward",), ("dx", "dw", "db"), ...
    forward   the function whose results `cache`, `indices` or `y` come from
    init      a class's own arguments; then `arguments` are those of its forward method
    methods   of a class
    """

    name: str
    op: str
    parts: tuple[str, ...]
    arguments: tuple[Argument, ...]
    forward: "Function | None" = None
    init: tuple[Argument, ...] | None = None
    methods: tuple[str, ...] = ()
    backward_arguments: tuple[Argument, ...] = ()

    @property
    def takes_bias(self) -> bool:
        """Whether it is given a bias; `bias=True` is no bias."""
        given = (*(self.init or ()), *self.arguments)
        return any(each.role == "b" and each.default not in ("True", "False") for each in given)


def functions(
    told: Mapping[str, Any], mapped: Mapping[str, str], ordered: Mapping[str, tuple[str, ...]]
) -> list[Function]:
    """All functions and classes of a file that are meant to be an operator; a backward pass knows its forward.

    told     what `Child.start` returns
    mapped   {"conv2d": name, "conv2d.dx": name, ...}: what the user says
    ordered  {name: roles of its arguments}

    Raises InputError when a name that is asked for is not there, or a word is none of those known.
    """
    by_name = {each["name"]: each for each in (*told["others"], *told["functions"])}
    meant: dict[str, list[tuple[str, str]]] = {}
    for target, name in mapped.items():
        op, _, part = target.partition(".")
        if op not in OPS or part not in ("", "backward", *PARTS[op]):
            raise InputError(f"map {target!r}: what is checked is one of {', '.join(OPS)}, or a part as in conv2d.dx")
        if name not in by_name:
            there = ", ".join(each["name"] for each in told["functions"][:12]) or "no function"
            raise InputError(f"map {target}={name}: there is no function {name!r}; the file has {there}")
        meant.setdefault(name, []).append((op, part))
    for name, roles in ordered.items():
        if name not in by_name:
            raise InputError(f"arguments of {name}: there is no function {name!r}; the file has {', '.join(by_name)}")
        if unknown := [role for role in roles if role not in ROLES]:
            raise InputError(f"arguments of {name}: {unknown[0]!r} is none of {', '.join(sorted(ROLES))}")
    decided = {target.partition(".")[0] for target in mapped if "." not in target}
    found: list[Function] = []
    for one in (*[by_name[name] for name in meant if name not in _names(told)], *told["functions"]):
        targets = meant.get(one["name"])
        if targets is None:
            op = _operator(one)
            targets = [] if op is None or (op in decided and not _is_backward(one["name"])) else [(op, "")]
        for op, part in targets:
            found.extend(_read(one, op, part, ordered.get(one["name"])))
    return [_paired(each, found) for each in found]


def _names(told: Mapping[str, Any]) -> set[str]:
    return {each["name"] for each in told["functions"]}


def _snake(name: str) -> str:
    """`MaxPool2D` -> `max_pool2_d`, `conv2d` -> `conv2d`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower().replace("re_lu", "relu")


def _operator(one: Mapping[str, Any]) -> str | None:
    name = _snake(one["name"])
    if one["name"].startswith("_") or re.search(NOT_MEANT, name.replace("2_d", "2d")):
        return None
    if "init" in one and not ({"forward", "__call__"} & set(one["methods"])):
        return None
    found = [op for op, words in OP_WORDS.items() if re.search(words, name)]
    if not found and re.search(r"(?<![a-z])pool(ing)?", name):
        found = ["max_pool2d"]
    return found[0] if len(found) == 1 else None


def _is_backward(name: str) -> bool:
    return re.search(BACKWARD, _snake(name)) is not None


def _role(name: str, op: str, *, init: bool, forward: bool) -> str:
    plain = _snake(name) if len(name) > 1 else name.lower()
    for table in (["init"] if init else []) + [op]:
        if plain in _DIFFERENT.get(table, {}):
            return _DIFFERENT[table][plain]
    roles = {role: words for role, words in ROLE_WORDS.items() if not (forward and role in BACKWARD_ONLY)}
    return next((role for role, words in roles.items() if re.fullmatch(words, plain)), "")


def _arguments(
    parameters: list[dict[str, Any]], op: str, order: tuple[str, ...], roles: tuple[str, ...] | None, *, init=False
) -> tuple[Argument, ...]:
    """What each parameter is: by its name, else, when it must be given, by its place."""
    named = [_role(each["name"], op, init=init, forward="dy" not in order) for each in parameters]
    if "dy" in order and "dy" not in named:
        named = ["dy" if each["name"] == "d" else role for each, role in zip(parameters, named)]
    # a second argument for a role that is taken, or a name that is unknown, is taken by its place
    for k, role in enumerate(named):
        if role in named[:k]:
            named[k] = ""
    if {"x", "w"} & {*order} - {*named} and not {"dy", "cache"} & {*order}:
        # conv(a, b): these names are no names
        named = ["" if each["required"] else role for each, role in zip(parameters, named)]
    if roles is not None:
        named = [*roles, *[""] * len(named)][: len(named)]
    free = [role for role in order if role not in named]
    made = []
    for each, role in zip(parameters, named):
        if not role and each["required"] and free and not init:
            role = free.pop(0)
        default = each["default"]
        made.append(Argument(each["name"], role, each["required"], default, each["positional"]))
    return tuple(made)


def _read(one: Mapping[str, Any], op: str, part: str, roles: tuple[str, ...] | None) -> list[Function]:
    order = FORWARD_ORDER[op]
    if "init" in one:
        methods = one["methods"]
        ahead = "forward" if "forward" in methods else "__call__"
        parts = PARTS[op] if "backward" in methods else ("forward",)
        init = _arguments(one["init"], op, (), roles, init=True)
        arguments = _arguments(methods.get(ahead, []), op, ("x",), None)
        back = _arguments(methods.get("backward", []), op, ("dy",), None)
        return [Function(one["name"], op, parts, arguments, None, init, (ahead, "backward"), back)]
    name = _snake(one["name"])
    if part not in ("", "backward"):
        parts = (part,)
    elif part == "backward" or _is_backward(one["name"]):
        parts = tuple(which for which in PARTS[op][1:] if re.search(PART_WORDS[which], _after_op(name, op)))
        if len(parts) != 1:
            parts = PARTS[op][1:]
    else:
        parts = ("forward",)
    if parts != ("forward",):
        order = ("dy", *order)
    return [Function(one["name"], op, parts, _arguments(one["parameters"], op, order, roles))]


def _after_op(name: str, op: str) -> str:
    return re.sub(OP_WORDS[op], "", name).replace("wrt", "")


def _paired(function: Function, found: list[Function]) -> Function:
    """A backward function with the forward one whose name is most like its own."""
    if function.parts[0] == "forward" or function.init is not None:
        return function
    ahead = [each for each in found if each.op == function.op and each.parts == ("forward",) and each.init is None]

    def stem(name: str) -> str:
        return re.sub(r"forward|fwd|backward|back|bwd|prop|_", "", _snake(name))

    ahead.sort(key=lambda each: stem(each.name) != stem(function.name))
    return replace(function, forward=ahead[0]) if ahead else function
