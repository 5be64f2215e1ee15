"""The same network and training in PyTorch, as one who knows it writes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from networks import Part
from torch import nn

from fmnist.config.config import Config


def network(config: Config, classes: int = 10) -> nn.Sequential:
    """Images float [N, 1, 28, 28] to logits [N, classes]; see ``models.builder.build_model``."""
    layers: list[nn.Module] = []
    channels, size = 1, 28
    for filters in config.filters:
        layers += [
            nn.Conv2d(channels, filters, config.kernel_size, padding="same", bias=False),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(filters, eps=1e-3, momentum=0.1),
            nn.ReLU(),
        ]
        channels, size = filters, size // 2
    layers += [nn.Flatten(), nn.Dropout(config.dropout)]
    layers += [nn.Linear(channels * size**2, config.dense_units), nn.ReLU()]
    layers += [nn.Dropout(config.dropout), nn.Linear(config.dense_units, classes)]
    return nn.Sequential(*layers)


def epochs(config: Config, images: Part, precision: str) -> Callable[[], int]:
    """Each call trains one epoch and returns how many images it took.

    The memory layout is whichever was faster in its better of two epochs.
    """
    kinds = [_loop(config, images, precision, layout) for layout in ("contiguous", "channels_last")]
    for epoch in kinds:
        epoch()  # the first one of each also allocates
    return min(kinds, key=lambda epoch: min(_seconds(epoch) for _ in range(2)))


def _seconds(work: Callable[[], int]) -> float:
    since = time.perf_counter()
    work()
    return time.perf_counter() - since


def _loop(config: Config, images: Part, precision: str, layout: str) -> Callable[[], int]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    form: Any = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    pixels = torch.from_numpy(images[0]).permute(0, 3, 1, 2).to(device).float() / 255
    pixels, labels = pixels.contiguous(memory_format=form), torch.from_numpy(images[1]).to(device)
    model: Any = network(config).to(device).train()
    model = model.to(memory_format=form)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, eps=1e-7)
    loss_of, batch = nn.CrossEntropyLoss(), config.batch_size

    def epoch() -> int:
        total, right = torch.zeros((), device=device), torch.zeros((), device=device)
        for chosen in torch.split(torch.randperm(len(labels), device=device), batch):
            answers = labels[chosen]
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
                logits = model(pixels[chosen])
            loss = loss_of(logits.float(), answers)
            loss.backward()
            optimizer.step()
            total += loss.detach()
            right += (logits.detach().argmax(1) == answers).sum()
        float(total), float(right)  # waits for a GPU
        return len(labels)

    return epoch
