import torch
from transformers import AutoTokenizer


def read_data(path):
    """The tokens of every text of the table, cut at MAX_LENGTH, and targets [N]."""
    rows = read_rows(path)
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    tokens = tokenizer([row[TEXT] for row in rows], truncation=True, max_length=MAX_LENGTH)
    return tokens["input_ids"], targets_of([row[LABEL] for row in rows])


def batch_of(inputs, rows):
    """Token ids [B, T], shorter texts padded at their end, and which of them are tokens [B, T]."""
    texts = [torch.tensor(inputs[row]) for row in rows]
    ids = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=PAD_ID)
    lengths = torch.tensor([len(text) for text in texts])
    # Without the mask, padding would be attended to and averaged: a text's result would depend on
    # its neighbours.
    mask = torch.arange(ids.shape[1])[None, :] < lengths[:, None]
    return {"input_ids": ids, "attention_mask": mask.long()}


def sum_of(inputs, rows):
    """A number that changes when any of these samples is another one."""
    return sum(sum(inputs[row]) for row in rows)
