import unicodedata

import torch
import torch.nn.functional as F


def targets_of(texts):
    """The characters of each transcript [N, longest], filled up with -1."""
    index = {character: i for i, character in enumerate(CHARACTERS) if i > 1} | {" ": 1}
    # Two spellings of one character, e with an accent or one sign for both, would be two characters.
    texts = [" ".join(unicodedata.normalize("NFC", text).split()) for text in texts]
    spelt = [[index[c] for c in text if c in index] for text in texts]
    tensors = [torch.tensor(characters, dtype=torch.long) for characters in spelt]
    return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=-1)


def as_lists(targets):
    return [[c for c in row if c >= 0] for row in targets.tolist()]


def loss_of(outputs, targets):
    """CTC: the probability of all ways to write the transcript over the places of a sound, with
    blanks (class 0) and repeats. What usually goes wrong: lengths of the padded batch instead of
    the sounds' own, and infinity for a sound with fewer places than characters."""
    logits, places = outputs
    log_probabilities = logits.log_softmax(2).transpose(0, 1)  # ctc_loss takes [T, B, C]
    lengths = (targets >= 0).sum(1)
    spelt = targets[targets >= 0]
    return F.ctc_loss(log_probabilities, spelt, places, lengths, zero_infinity=True)


SCORE = "character error rate"


def edits(a, b):
    """The least number of insertions, deletions and replacements that make b of a."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def counts_of(outputs, targets):
    """What the score is a ratio of: edits and characters. The ratio of sums, not the mean of the
    sounds' ratios, in which a short sound would count as much as a long one."""
    logits, places = outputs
    wrong = total = 0
    for path, length, wanted in zip(logits.argmax(2).tolist(), places.tolist(), as_lists(targets)):
        path = path[:length]
        # Of the likeliest class of each place: repeats are one character, blanks none.
        heard = [c for c, last in zip(path, [0] + path[:-1]) if c != last and c != 0]
        wrong += edits(heard, wanted)
        total += len(wanted)
    return wrong, total
