import math
import sys

import torch


def forward_backward(model, inputs, targets, micro_batches):
    """The gradients of the mean loss over all samples of an update, which may come in several
    micro-batches. What usually goes wrong: to divide by their number, where the last one of an
    epoch is smaller."""
    samples = sum(len(rows) for rows in micro_batches)
    mean = 0.0
    for rows in micro_batches:
        loss = loss_of(model(batch_of(inputs, rows)), targets[rows]) * (len(rows) / samples)
        loss.backward()
        mean += loss.item()
    return mean


@torch.no_grad()
def evaluate(model, inputs, targets, rows):
    """The score of these rows, by the running statistics and without dropout."""
    model.eval()
    parts = [rows[i : i + 32] for i in range(0, len(rows), 32)]
    counts = [counts_of(model(batch_of(inputs, part)), targets[part]) for part in parts]
    return sum(count for count, _ in counts) / sum(total for _, total in counts)


def train(model, optimizer, inputs, targets, order, after_epoch):
    """Returns the loss of each update, before it."""
    losses, phase = [], None
    for done, micro_batches in enumerate(order["updates"]):
        if phase_of(done + 1) is not phase:
            phase = phase_of(done + 1)
            begin_phase(model, optimizer, phase)
            print(f"from update {phase.first}: trains {', '.join(phase.train)}")
        set_modes(model, phase)
        set_rates(optimizer, done)
        losses.append(forward_backward(model, inputs, targets, micro_batches))
        if not math.isfinite(losses[-1]):
            sys.exit(f"the loss of update {done + 1} is not finite: use a smaller LR")
        if CLIP_NORM > 0:
            # Of all gradients together, after the last micro-batch: frozen parameters have none.
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        # None, not zeros: what has a gradient of zeros still decays, and moves by its momentum.
        optimizer.zero_grad(set_to_none=True)
        if (done + 1) % UPDATES_PER_EPOCH == 0 or done + 1 == UPDATES:
            epoch = losses[done // UPDATES_PER_EPOCH * UPDATES_PER_EPOCH :]
            after_epoch(done // UPDATES_PER_EPOCH + 1, sum(epoch) / len(epoch))
    return losses
