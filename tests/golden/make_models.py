#!/usr/bin/env python3
"""Writes tests/golden/models/: tiny models with random weights as PyPI's transformers saves them, and what it computes
with them on the CPU, which golden_models.cpp replays.

    pip install torch==2.* transformers==5.* safetensors  # transformers brings tokenizers
    python tests/golden/make_models.py

Each folder has config.json and model.safetensors, and golden.safetensors with the versions in its metadata and the
tensors `x` (token ids or images), `mask`, `types`, `labels`, `hidden.<i>` (the embeddings' output, then each layer's),
and for each task (`pooler`, `cls`, `mean`, `classify`, `language`) `<task>.logits`, `<task>.loss` (cross-entropy) and
`<task>.g.<name in model.safetensors>`, the gradients. Everything is seeded; another version of PyTorch may change the
last bits.
"""

import pathlib

import tokenizers
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file, save_file

FOLDER = pathlib.Path(__file__).resolve().parent / "models"
LABELS = 3
VOCABULARY = 40
SIZES = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24)
EAGER = dict(num_labels=LABELS, attn_implementation="eager")


def randomize(model):
    """Weights large enough for outputs to vary, none of them as an initialisation leaves it."""
    norms = {id(module.weight) for module in model.modules() if isinstance(module, torch.nn.LayerNorm)}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
            if id(parameter) in norms:
                parameter.add_(1)
    return model.eval()


def names_in_file(model, folder):
    """What each parameter is called in model.safetensors, which is not always its name in the program."""
    saved = load_file(folder / "model.safetensors")
    by_value = {value.numpy().tobytes(): name for name, value in saved.items()}
    names = {by_value[parameter.detach().numpy().tobytes()]: parameter for parameter in model.parameters()}
    assert set(names) == set(saved), set(names) ^ set(saved)
    return names


class Golden:
    def __init__(self, name, model, layers, inputs):
        self.folder = FOLDER / name
        self.model = randomize(model)
        self.model.save_pretrained(self.folder)
        self.names = names_in_file(self.model, self.folder)
        self.tensors = dict(inputs)
        self.record_hidden_states(layers)

    def record_hidden_states(self, layers):
        def keep(index, value):
            self.tensors[f"hidden.{index}"] = value[0] if isinstance(value, tuple) else value

        layers[0].register_forward_pre_hook(lambda _, inputs: keep(0, inputs))
        for index, layer in enumerate(layers):
            layer.register_forward_hook(lambda _, __, output, index=index: keep(index + 1, output))

    def add(self, task, logits, target):
        """Logits [.., classes] against target [..]; -100 counts for nothing."""
        loss = F.cross_entropy(logits.flatten(0, -2), target.flatten())
        self.model.zero_grad()
        loss.backward()
        self.tensors |= {f"{task}.logits": logits, f"{task}.loss": loss}
        for name, parameter in self.names.items():
            if parameter.grad is not None:
                self.tensors[f"{task}.g.{name}"] = parameter.grad

    def save(self):
        versions = f"torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}"
        contiguous = {name: value.detach().clone().contiguous() for name, value in self.tensors.items()}
        save_file(contiguous, self.folder / "golden.safetensors", metadata={"made_with": versions})
        for path in self.folder.iterdir():
            path.chmod(0o644)


def texts(pad=0):
    """Three texts of different lengths, padded on the right with that token."""
    lengths = torch.tensor([7, 4, 1])
    mask = torch.arange(7) < lengths[:, None]
    ids = torch.randint(pad + 1, VOCABULARY, mask.shape).where(mask, pad)
    return {"x": ids, "mask": mask, "labels": torch.tensor([2, 0, 1])}


def add_poolings(golden, states, pooled):
    """The classifier on each of the ways to make one vector of a text."""
    labels, mask = golden.tensors["labels"], golden.tensors["mask"].float()[..., None]
    classifier = golden.model.classifier
    golden.add("pooler", classifier(pooled(states()[:, 0])), labels)
    golden.add("cls", classifier(states()[:, 0]), labels)
    golden.add("mean", classifier((states() * mask).sum(1) / mask.sum(1)), labels)


def make_bert():
    torch.manual_seed(1)
    config = transformers.BertConfig(vocab_size=VOCABULARY, max_position_embeddings=12, hidden_dropout_prob=0,
                                     attention_probs_dropout_prob=0, **SIZES, **EAGER)
    model = transformers.BertForSequenceClassification(config)
    x = texts()
    x["types"] = torch.tensor([[0, 0, 0, 1, 1, 1, 1], [0, 1, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0]])
    golden = Golden("bert", model, model.bert.encoder.layer, x)
    inputs = dict(input_ids=x["x"], attention_mask=x["mask"].long(), token_type_ids=x["types"])
    add_poolings(golden, lambda: model.bert(**inputs).last_hidden_state,
                 lambda first: torch.tanh(model.bert.pooler.dense(first)))
    check(golden, "pooler", model(**inputs, labels=x["labels"]))
    golden.save()


def make_distilbert():
    torch.manual_seed(2)
    config = transformers.DistilBertConfig(vocab_size=VOCABULARY, max_position_embeddings=12, dim=16, n_layers=2,
                                           n_heads=2, hidden_dim=24, dropout=0, attention_dropout=0,
                                           seq_classif_dropout=0, **EAGER)
    model = transformers.DistilBertForSequenceClassification(config)
    x = texts()
    golden = Golden("distilbert", model, model.distilbert.transformer.layer, x)
    inputs = dict(input_ids=x["x"], attention_mask=x["mask"].long())
    add_poolings(golden, lambda: model.distilbert(**inputs).last_hidden_state,
                 lambda first: torch.relu(model.pre_classifier(first)))
    check(golden, "pooler", model(**inputs, labels=x["labels"]))
    golden.save()


def make_roberta(name, kind, config, seed):
    """With tokens that have padding's id within the texts, which positions do not count."""
    torch.manual_seed(seed)
    model = kind(config(vocab_size=VOCABULARY, max_position_embeddings=14, type_vocab_size=1, pad_token_id=1, **SIZES,
                        **EAGER))
    x = texts(pad=1)
    x["x"][0, 2] = x["x"][0, 6] = x["x"][1, 1] = 1
    golden = Golden(name, model, model.roberta.encoder.layer, x)
    inputs = dict(input_ids=x["x"], attention_mask=x["mask"].long())
    states = lambda: model.roberta(**inputs).last_hidden_state
    head, labels, mask = model.classifier, x["labels"], x["mask"].float()[..., None]
    golden.add("pooler", head(states()), labels)
    golden.add("cls", head.out_proj(states()[:, 0]), labels)
    golden.add("mean", head.out_proj((states() * mask).sum(1) / mask.sum(1)), labels)
    check(golden, "pooler", model(**inputs, labels=labels))
    golden.save()


def make_gpt2():
    torch.manual_seed(3)
    config = transformers.GPT2Config(vocab_size=VOCABULARY, n_positions=12, n_embd=16, n_layer=2, n_head=4,
                                     resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, pad_token_id=0, bos_token_id=None,
                                     eos_token_id=None, **EAGER)
    model = transformers.GPT2ForSequenceClassification(config)
    x = texts()
    golden = Golden("gpt2", model, model.transformer.h, x)
    inputs = dict(input_ids=x["x"], attention_mask=x["mask"].long())
    golden.add("classify", model(**inputs).logits, x["labels"])
    check(golden, "classify", model(**inputs, labels=x["labels"]))
    add_padding_within(golden, x)

    # The language model on the same layers: its head is the table of the tokens' embeddings.
    language = transformers.GPT2LMHeadModel(config)
    language.transformer = model.transformer
    language.tie_weights()
    assert language.lm_head.weight is model.transformer.wte.weight
    target = x["x"].masked_fill(~x["mask"], -100)
    target = torch.cat([target[:, 1:], torch.full((len(target), 1), -100)], 1)  # each token's next
    golden.tensors["language.target"] = target
    golden.add("language", language(**inputs).logits, target)
    write_tokenizer(golden.folder)
    golden.save()


def add_padding_within(golden, x):
    """Texts that end in the token that pads them: the classifier passes it over, by its id."""
    ids = x["x"].clone()
    ids[0, 5:] = ids[1, 3] = ids[2, 0] = 0
    golden.tensors["padded.x"] = ids
    golden.tensors["padded.logits"] = golden.model(input_ids=ids, attention_mask=x["mask"].long()).logits


def write_tokenizer(folder):
    """A byte-level BPE of small letters and the space, with a few merges, for texts that tests train on."""
    letters = [*"abcdefghijklmnopqrstuvwxyz", "\u0120"]  # U+0120 is the space in GPT-2's alphabet
    merges = [("o", "o"), ("oo", "d"), ("g", "ood"), ("\u0120", "g"), ("\u0120", "b"), ("a", "d"), ("\u0120b", "ad"),
              ("i", "l"), ("f", "il"), ("fil", "m")]
    tokens = ["<pad>", *letters, *(first + second for first, second in merges)]
    assert len(tokens) <= VOCABULARY
    bpe = tokenizers.models.BPE({token: index for index, token in enumerate(tokens)}, merges)
    tokenizer = tokenizers.Tokenizer(bpe)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens(["<pad>"])
    tokenizer.save(str(folder / "tokenizer.json"))


def make_vit():
    torch.manual_seed(4)
    config = transformers.ViTConfig(image_size=8, patch_size=2, num_channels=3, **SIZES, **EAGER)
    model = transformers.ViTForImageClassification(config)
    x = {"x": torch.randn(3, 3, 8, 8), "labels": torch.tensor([2, 0, 1])}
    golden = Golden("vit", model, model.vit.layers, x)
    golden.add("classify", model(x["x"]).logits, x["labels"])
    golden.save()


def check(golden, task, output):
    """The classifier put together here is the library's."""
    torch.testing.assert_close(golden.tensors[f"{task}.logits"], output.logits)
    torch.testing.assert_close(golden.tensors[f"{task}.loss"], output.loss)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    make_bert()
    make_distilbert()
    make_gpt2()
    make_vit()
    make_roberta("roberta", transformers.RobertaForSequenceClassification, transformers.RobertaConfig, 5)
    make_roberta("xlm-roberta", transformers.XLMRobertaForSequenceClassification, transformers.XLMRobertaConfig, 6)
