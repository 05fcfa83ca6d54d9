"""Values that several tests start from."""

import pytest
import torch
from torch import nn


def randomise_(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give every parameter and every batch-norm statistic a value that a mistake would show in; returns the module."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2, generator=generator)
        elif name.endswith("num_batches_tracked"):
            continue
        else:
            spread = tensor.shape[-1] ** -0.5 if tensor.ndim > 1 else 0.5
            tensor.normal_(0, spread, generator=generator)
    return module


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Tests share a machine; small tensors gain nothing from a second thread."""
    torch.set_num_threads(1)
