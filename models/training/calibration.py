"""What is corrected after training: the corpus's mixture of labels, the height of confidences."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.training.data import Row
from models.training.network import DomainNetwork

#: 0 keeps the corpus's mixture (`other` is a sixth of it), 1 takes all labels as equally likely.
EVENNESS = 0.8

CANDIDATES = np.geomspace(0.3, 3.0, 231)


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The candidate under which the held-out labels are likeliest; steps of one per cent are fine
    enough.
    """
    return float(min(CANDIDATES, key=lambda temperature: _surprise(logits / temperature, labels)))


def _surprise(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean negative log-likelihood."""
    highest = logits.max(axis=1, keepdims=True)
    log_sum = highest[:, 0] + np.log(np.exp(logits - highest).sum(axis=1))
    return float((log_sum - logits[np.arange(len(labels)), labels]).mean())


@torch.no_grad()
def even_out(network: DomainNetwork, rows: Sequence[Row]) -> None:
    """Take most of the corpus's mixture out of the label bias.

    A network answers `other` when in doubt because the corpus holds so much of it. Users' doubtful
    questions are not distributed like that.
    """
    labels = torch.tensor([row.label for row in rows])
    weights = torch.tensor([row.weight for row in rows])
    counts = torch.bincount(labels, weights, minlength=len(network.labels.bias)).clamp(min=1)
    network.labels.bias -= EVENNESS * (counts / counts.mean()).log()
