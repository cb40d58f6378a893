#!/usr/bin/env python3
"""Writes tests/golden/recurrent.safetensors, which golden_recurrent.cpp replays: PyTorch's nn.LSTM and nn.GRU in f64, one and
two layers, one and both directions, whole and packed sequences.

    pip install torch==2.* safetensors
    python tests/golden/make_recurrent.py

Tensor names: `<case>.p.<parameter>`, `<case>.x`, `<case>.mask` (packed), `<case>.y|h|c`, `<case>.dy|dh|dc` (what backward starts
from), `<case>.g.<parameter or x>`. Cases: `<lstm|gru>.<layers>.<directions>.<packed|whole>`.
"""
import pathlib

import torch
from safetensors.torch import save_file
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.manual_seed(5)
tensors = {}
for name, kind in (("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU)):
    for layers in (1, 2):
        for directions in (1, 2):
            for packed in (False, True):
                case = f"{name}.{layers}.{directions}.{'packed' if packed else 'whole'}"
                module = kind(3, 4, layers, batch_first=True, bidirectional=directions == 2, dtype=torch.float64)
                x = torch.randn(3, 5, 3, dtype=torch.float64, requires_grad=True)
                lengths = torch.tensor([3, 5, 1])  # what stands behind an end is no zero
                if packed:
                    y, state = module(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
                    y, _ = pad_packed_sequence(y, batch_first=True)
                    tensors[f"{case}.mask"] = torch.arange(5) < lengths[:, None]
                else:
                    y, state = module(x)
                outputs = {"y": y} | dict(zip("hc", state if name == "lstm" else (state,)))
                starts = {part: torch.randn_like(value) for part, value in outputs.items()}
                torch.autograd.backward(list(outputs.values()), list(starts.values()))
                tensors |= {f"{case}.x": x, f"{case}.g.x": x.grad}
                tensors |= {f"{case}.{part}": value for part, value in outputs.items()}
                tensors |= {f"{case}.d{part}": value for part, value in starts.items()}
                for parameter, value in module.named_parameters():
                    tensors |= {f"{case}.p.{parameter}": value, f"{case}.g.{parameter}": value.grad}
path = pathlib.Path(__file__).resolve().parent / "recurrent.safetensors"
save_file({key: value.detach().clone().contiguous() for key, value in tensors.items()}, path,
          metadata={"torch": torch.__version__.split("+")[0]})
path.chmod(0o644)
