"""A page for each public room of convscope: its names, as their docstrings tell them.

mkdocstrings reads the sources and makes the pages; nothing is imported. `docstrings.py` turns what docstrings look like
in this house into Markdown. The texts of the program are English; the list of rooms is there in both languages.
"""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src"
SOURCE_SHOWN = "convscope.ops.reference"  # loops, there to be read


def _asked(name: str, options: dict[str, str]) -> str:
    return f"::: {name}\n    options:\n" + "".join(f"      {option}: {value}\n" for option, value in options.items())


@dataclass(frozen=True)
class Room:
    """One module with what may be used of it. names: where it has no `__all__`; the page shows these."""

    module: str
    english: str
    chinese: str
    names: tuple[str, ...] = ()

    @property
    def page(self) -> str:
        return f"{self.module.removeprefix('convscope.').replace('.', '-')}.md"

    def markdown(self) -> str:
        options = {"show_source": str(self.module == SOURCE_SHOWN).lower()}
        if self.names:
            options["members"] = f"[{', '.join(self.names)}]"
        text = f"# {self.module}\n\n{_asked(self.module, options)}"
        shown = {"show_root_heading": "true", "show_root_full_path": "false"} | options
        return text + "".join(f"\n{_asked(name, shown)}" for name in self.hidden())

    def hidden(self) -> list[str]:
        """Functions that bear the name of the module they are in: who only reads the sources takes them for that."""
        defined = {name: _defined_in(self.module, name) for name in _imports(self.module)}
        return [f"{module}.{name}" for name, module in defined.items() if module.endswith(f".{name}")]


def _defined_in(module: str, name: str) -> str:
    """The module from which a package has a name in the end."""
    above = _imports(module).get(name)
    return module if above is None else _defined_in(above, name)


@cache
def _imports(module: str) -> dict[str, str]:
    """Name -> module, of what a package's `__all__` offers and takes from elsewhere; {} for a single file."""
    init = SOURCES.joinpath(*module.split("."), "__init__.py")
    if not init.exists():
        return {}
    body = ast.parse(init.read_text(encoding="utf-8")).body
    offered = {
        word.value
        for line in body
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "__all__"
        for word in ast.walk(line.value)
        if isinstance(word, ast.Constant)
    }
    taken = [line for line in body if isinstance(line, ast.ImportFrom) and line.module != module]
    return {name.name: str(line.module) for line in taken for name in line.names if name.name in offered}


ROOMS = (
    Room("convscope", "the ten names that a person calls", "平时直接调用的十个函数"),
    Room("convscope.ops", "the operators and their gradients, fast", "各种运算及其梯度（快速版）"),
    Room("convscope.ops.reference", "the same as plain loops, to be read", "同样的运算，写成便于阅读的朴素循环"),
    Room("convscope.ops.explain", "one cell explained; the chain of shapes", "解释一个格子；逐层的形状推导"),
    Room("convscope.ops.proofs", "one convolution in seven forms", "同一个卷积的七种形式"),
    Room(
        "convscope.geometry",
        "sizes, padding, receptive fields: integers only",
        "尺寸、填充、感受野：只有整数运算",
        ("output_size", "remainder", "same_padding", "transposed_size", "transposed_padding", "Field1D", "Field"),
    ),
    Room("convscope.nn", "layers and LeNet-5 by hand", "手写的各种层和 LeNet-5"),
    Room("convscope.nn.init", "how weights start", "权重初始化", ("kaiming_uniform", "kaiming_normal", "lecun_normal")),
    Room("convscope.inverse.recover", "which kernel lies between two pictures", "两幅图之间隔着哪个核", ("recover",)),
    Room("convscope.inverse.recovery", "what `recover` found", "`recover` 的结果", ("Recovery",)),
    Room("convscope.inverse.descend", "a kernel learned step by step", "用梯度下降逐步学出卷积核"),
    Room("convscope.grading", "somebody's own convolution checked", "检查别人写的卷积"),
    Room("convscope.lens", "looking into any `torch.nn.Module`", "观察任意 `torch.nn.Module`"),
    Room("convscope.lens.models", "networks by one string; preprocessing", "用一个字符串取得网络；预处理"),
    Room("convscope.lens.fields", "receptive fields, exact and measured", "感受野：精确值与实测值"),
    Room("convscope.lens.objectives", "what a picture is to increase", "图像要提高的目标"),
    Room("convscope.lens.images", "how a picture is described", "图像的参数化方式"),
    Room("convscope.lens.transforms", "what a picture must withstand", "图像要经得起的变换"),
    Room("convscope.lens.render", "the one loop that makes pictures", "生成图像的唯一循环", ("render",)),
    Room(
        "convscope.lens.rendering",
        "what the loop takes and gives",
        "这个循环的输入与结果",
        ("Rendering", "Image", "Moment"),
    ),
    Room("convscope.lens.credibility", "how far a drawing can be believed", "一幅图像有多可信"),
    Room("convscope.lens.styles", "one picture in another's style", "一幅图像，另一幅的风格"),
    Room(
        "convscope.bridge",
        "a network by hand as one of PyTorch, and back",
        "手写网络与 PyTorch 网络互相转换",
        ("to_torch", "from_torch"),
    ),
    Room("convscope.tasks.go", "boards and records of games", "棋盘与棋谱"),
    Room("convscope.atlas.job", "an atlas made", "制作图谱", ("build", "join")),
    Room("convscope.atlas.store", "an atlas read and written", "读写图谱"),
)

INDEX = {
    "": """# Reference

- [Commands](commands.md): all of the command line, as `--help` prints it
- [The format of an atlas](../format.md), for programs that read one without convscope

## Python

`import convscope as cs` gives the ten names below first; each is fetched when it is used, so that importing costs
nothing. What is not listed here is convscope's own and may change.

| module | what is in it |
|---|---|
""",
    ".zh": """# 参考

- [命令](commands.md)：全部命令行，即 `--help` 打印的内容
- [图谱的格式](../format.md)（英文）：供不依赖 convscope 的程序读取图谱

## Python

`import convscope as cs` 提供下表第一行的十个函数；每个函数在第一次使用时才加载，因此导入几乎不花时间。\
函数的说明取自源代码中的 docstring，为英文。这里没有列出的部分属于 convscope 内部，随时可能改动。

| 模块 | 内容 |
|---|---|
""",
}


@cache
def pages() -> dict[str, str]:
    made = {f"reference/{room.page}": room.markdown() for room in ROOMS}
    for ending, text in INDEX.items():
        rows = [f"| [`{room.module}`]({room.page}) | {room.chinese if ending else room.english} |\n" for room in ROOMS]
        made[f"reference/index{ending}.md"] = text + "".join(rows)
    return made
