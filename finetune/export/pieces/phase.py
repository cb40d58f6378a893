from dataclasses import dataclass


@dataclass
class Phase:
    """A stretch of the run, from update `first` on (the first update of all is 1)."""

    first: int
    train: dict  # what trains, and its multiplier of the learning rate; everything else is frozen
    state: str = "keep"  # optimizer state of what freezes or thaws here: "keep", or "drop"
    frozen_norm: str = "still"  # batch norm of frozen groups; "batch": as model.train() has it
    frozen_dropout: str = "keep"  # dropout of frozen groups: as model.train() has it; or "off"
    rewarmup: int = 0  # what thaws here reaches its learning rate after so many updates
