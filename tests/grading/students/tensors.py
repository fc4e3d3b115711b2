"""PyTorch, tensors in and out."""

import torch
import torch.nn.functional as F


def conv2d(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, stride=1, padding=0, dilation=1, groups=1):
    return F.conv2d(x.contiguous(), weight, bias, stride, padding, dilation, groups)


def conv2d_backward(grad_output, x, weight, stride=1, padding=0):
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    F.conv2d(x, weight, None, stride, padding).backward(grad_output)
    return x.grad, weight.grad


def max_pool2d(x, kernel_size=(2, 2), stride=2, padding=0):
    return F.max_pool2d(x.contiguous(), kernel_size, stride, padding)


class AvgPool2d(torch.nn.Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.how = kernel_size, stride, padding

    def forward(self, x):
        return F.avg_pool2d(x.contiguous(), *self.how)


class MyLinear(torch.nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(out_features, in_features))
        self.bias = torch.nn.Parameter(torch.zeros(out_features))

    def forward(self, x):
        return x @ self.weight.T + self.bias


def my_relu(x):
    return x.clamp(min=0)
