#!/usr/bin/env python3
"""Training steps of all-MiniLM-L6-v2 in fp32, the whole model (full) and its classifier alone (head): `thaw bench`
beside PyTorch eager with transformers' BertModel.

  finetune/cases/get.sh minilm
  python bench/peers/minilm.py --thaw build/release/bin/thaw [--threads 2] [--rounds 5]

A step is forward, backward and AdamW on a batch of random tokens without padding, with the model's own dropout, the
mean of the tokens' states and a linear classifier of two classes. The programs take turns, a round each; a round is
some warm-up steps and --steps timed ones. Random tokens show no loss curves: that the losses of 50 steps are the same
on both sides is what tests/golden/check_text_model.py checks. Needs torch and transformers.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

import torch
import transformers

LEARNING_RATE = 1e-3
WARM_UP = 3  # as in `thaw bench`


class Classifier(torch.nn.Module):
    def __init__(self, folder):
        super().__init__()
        self.bert = transformers.BertModel.from_pretrained(folder, add_pooling_layer=False)
        self.dropout = torch.nn.Dropout(self.bert.config.hidden_dropout_prob)
        self.classifier = torch.nn.Linear(self.bert.config.hidden_size, 2)

    def forward(self, ids, mask):
        states = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        weight = mask.unsqueeze(-1).float()
        return self.classifier(self.dropout((states * weight).sum(1) / weight.sum(1)))


class TorchSteps:
    def __init__(self, arguments, strategy):
        torch.manual_seed(0)
        self.model = Classifier(arguments.model).train()
        self.model.bert.requires_grad_(strategy == "full")
        shape = (arguments.batch, arguments.length)
        self.ids = torch.randint(self.model.bert.config.vocab_size, shape)
        self.mask = torch.ones(shape, dtype=torch.long)
        self.labels = torch.arange(arguments.batch) % 2
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=LEARNING_RATE)

    def step(self):
        torch.nn.functional.cross_entropy(self.model(self.ids, self.mask), self.labels).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def round(self, steps):
        """Median and minimum, in milliseconds."""
        times = []
        for _ in range(WARM_UP + steps):
            start = time.perf_counter()
            self.step()
            times.append(1e3 * (time.perf_counter() - start))
        return statistics.median(times[WARM_UP:]), min(times[WARM_UP:])


class ThawSteps:
    def __init__(self, arguments, strategy):
        self.command = [arguments.thaw, "bench", "--model", arguments.model, "--strategies", strategy, "--json",
                        *("--batch", arguments.batch, "--length", arguments.length, "--threads", arguments.threads)]

    def round(self, steps):
        done = subprocess.run([str(part) for part in [*self.command, "--steps", steps]], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"minilm.py: error: {done.stderr}")
        found = json.loads(done.stdout)
        return found["ms_median"], found["ms_min"]


def compare(arguments, strategy):
    peers = [ThawSteps(arguments, strategy), TorchSteps(arguments, strategy)]
    rounds = [[] for _ in peers]
    for number in range(arguments.rounds):
        for i in (0, 1) if number % 2 == 0 else (1, 0):  # nobody always follows the other
            rounds[i].append(peers[i].round(arguments.steps))
    medians = [statistics.median(median for median, _ in found) for found in rounds]
    least = [min(minimum for _, minimum in found) for found in rounds]
    cells = [f"{median:.1f} / {minimum:.1f}" for median, minimum in zip(medians, least)]
    print(f"| {strategy} | {' | '.join(cells)} | {medians[0] / medians[1]:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--thaw", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--model", type=pathlib.Path, default=pathlib.Path("finetune/cases/minilm"))
    parser.add_argument("--strategies", nargs="+", default=["full", "head"], choices=["full", "head"])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--length", type=int, default=128, help="tokens")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5, help="timed in a round")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    print(f"{arguments.batch} x {arguments.length} tokens, {arguments.threads} threads; milliseconds a step, median of the "
          f"{arguments.rounds} rounds' medians / minimum\n\n"
          f"| strategy | thaw | PyTorch {torch.__version__} | ratio |\n| --- | --- | --- | --- |", flush=True)
    for strategy in arguments.strategies:
        compare(arguments, strategy)


if __name__ == "__main__":
    main()
