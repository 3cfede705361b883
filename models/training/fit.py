"""The training loop: three losses, cycles of the learning rate, and averages of the weights that
it passes through.

* labels: cross-entropy with a little smoothing, rows weighted by source;
* teacher: cosine distance between the sentence vector and the row's point in the base encoder's
  space;
* neighbours: a Chinese sentence vector should also tell its label, measured against one learned
  direction per label, because the base space has no Chinese neighbourhoods worth keeping.

What is kept of a cycle is the moving average of the weights: it costs a few milliseconds per step
and generalises better than the last step does.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from models.training.batches import Batch, Batches
from models.training.network import LAYERS, DomainNetwork

LABEL_SMOOTHING = 0.05
TEACHER_SHARE = 3.0
NEIGHBOUR_SHARE = 0.1
NEIGHBOUR_SCALE = 12.0
AVERAGE_DECAY = 0.998


@dataclass(frozen=True)
class Cycle:
    """One rise and fall of the learning rate: how long and how fast."""

    epochs: int
    peak_rate: float
    new_word_rate: float
    head_rate: float
    seed: int


#: Later cycles start from the averaged weights of the one before and go half as fast.
CYCLES = (
    Cycle(epochs=3, peak_rate=2e-4, new_word_rate=1e-3, head_rate=5e-4, seed=20261120),
    Cycle(epochs=1, peak_rate=1e-4, new_word_rate=5e-4, head_rate=2.5e-4, seed=20261220),
    Cycle(epochs=1, peak_rate=1e-4, new_word_rate=5e-4, head_rate=2.5e-4, seed=20261320),
)
MEAN_OF_LAST = 2
LAYER_DECAY = 0.9
WEIGHT_DECAY = 0.01
WARM_UP = 0.06


class Losses(nn.Module):
    """The sum that is minimised; holds the label directions of the neighbour loss, which are not
    shipped.
    """

    def __init__(self, labels: int, width: int, rows_per_batch: float) -> None:
        super().__init__()
        self.directions = nn.Parameter(functional.normalize(torch.randn(labels, width), dim=1))
        self.rows_per_batch = rows_per_batch

    def forward(self, network: DomainNetwork, batch: Batch) -> Tensor:
        """Divided by the usual row count, so that a row weighs the same in a batch of long texts
        as in one of short.
        """
        logits, embedding = network(batch.ids, batch.mask)
        labels = functional.cross_entropy(
            logits, batch.labels, reduction="none", label_smoothing=LABEL_SMOOTHING
        )
        teacher = 1 - (embedding * batch.targets).sum(1)
        closeness = NEIGHBOUR_SCALE * embedding @ functional.normalize(self.directions, dim=1).T
        neighbours = (
            functional.cross_entropy(closeness, batch.labels, reduction="none") * batch.chinese
        )
        total = (
            batch.weights * labels
            + TEACHER_SHARE * batch.target_weights * teacher
            + NEIGHBOUR_SHARE * neighbours
        )
        return total.sum() / self.rows_per_batch


def fit(
    network: DomainNetwork, batches: Batches, after_epoch: Callable[[DomainNetwork], None]
) -> DomainNetwork:
    """Walk through all cycles; what comes out is the mean of the last ones' weights."""
    finished: list[DomainNetwork] = []
    for cycle in CYCLES:
        network = _fit_cycle(network, batches, cycle, after_epoch)
        finished.append(deepcopy(network))
    return _mean(finished[-MEAN_OF_LAST:])


def _fit_cycle(
    network: DomainNetwork,
    batches: Batches,
    cycle: Cycle,
    after_epoch: Callable[[DomainNetwork], None],
) -> DomainNetwork:
    """Train in place; return a copy with the averaged weights, which `after_epoch` also sees on
    the way.
    """
    torch.manual_seed(cycle.seed)
    count = batches.count()
    losses = Losses(
        network.labels.out_features, network.projection.out_features, len(batches.rows) / count
    )
    optimizer = _optimizer(network, losses, cycle)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, _one_cycle(cycle.epochs * count, WARM_UP)
    )
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=_warm_average(AVERAGE_DECAY)
    )
    network.train()
    for epoch in range(cycle.epochs):
        progress = tqdm(
            batches.epoch(cycle.seed + epoch), total=count, desc=f"epoch {epoch + 1}/{cycle.epochs}"
        )
        for batch in progress:
            loss = _step(network, losses, optimizer, batch)
            schedule.step()
            average.update_parameters(network)
            progress.set_postfix(loss=f"{loss:.3f}", refresh=False)
        after_epoch(average.module.eval())
    return average.module.eval()


@torch.no_grad()
def _mean(networks: Sequence[DomainNetwork]) -> DomainNetwork:
    """The network half way between some that started from each other: steadier than any of them."""
    mean = deepcopy(networks[0])
    for own, *others in zip(*(network.parameters() for network in (mean, *networks)), strict=True):
        own.copy_(torch.stack(others).mean(0))
    return mean


def _step(
    network: DomainNetwork, losses: Losses, optimizer: torch.optim.Optimizer, batch: Batch
) -> float:
    with torch.autocast("cpu", torch.bfloat16):
        loss = losses(network, batch)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def _optimizer(network: DomainNetwork, losses: Losses, cycle: Cycle) -> torch.optim.Optimizer:
    """Lower layers know general things and move slowly; new words know only their gloss and move
    fast.
    """
    encoder = network.encoder
    rates: list[tuple[Iterable[nn.Parameter], float]] = [
        (layer.parameters(), cycle.peak_rate * LAYER_DECAY ** (LAYERS - 1 - depth))
        for depth, layer in enumerate(encoder.layers)
    ]
    lowest = cycle.peak_rate * LAYER_DECAY**LAYERS
    rates += [
        ([encoder.words.old, encoder.positions, *encoder.norm.parameters()], lowest),
        ([encoder.words.new], cycle.new_word_rate),
        (network.projection.parameters(), cycle.peak_rate),
        ([*network.hidden.parameters(), *network.labels.parameters()], cycle.head_rate),
        (losses.parameters(), cycle.head_rate),
    ]
    groups = [{"params": parameters, "lr": rate} for parameters, rate in rates]
    return torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY, fused=True)


def _one_cycle(steps: int, warmup: float) -> Callable[[int], float]:
    """Linear up, half a cosine down."""

    def factor(step: int) -> float:
        done = min(step / max(steps, 1), 1.0)
        if done < warmup:
            return done / warmup
        return 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))

    return factor


def _warm_average(decay: float) -> Callable[[list[Tensor], list[Tensor], Tensor], None]:
    """An exponential average that starts short: the first steps are not worth remembering."""

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], seen: Tensor) -> None:
        share = 1 - min(decay, (1 + seen.item()) / (10 + seen.item()))
        torch._foreach_lerp_(averaged, current, share)

    return update
