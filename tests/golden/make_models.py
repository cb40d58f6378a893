#!/usr/bin/env python3
"""Writes tests/golden/models/: tiny models with random weights as PyPI's transformers saves them, and what it computes
with them on the CPU, which golden_models.cpp replays.

    pip install torch==2.* transformers==5.* safetensors  # transformers brings tokenizers
    pip install --no-deps efficientnet-lite-pytorch==0.1.0
    python tests/golden/make_models.py

Each folder has config.json and model.safetensors, and golden.safetensors with the versions in its metadata and the
tensors `x` (token ids or images), `mask`, `types`, `labels`, `hidden.<i>` (the embeddings' output, then each layer's),
and for each task (`pooler`, `cls`, `mean`, `classify`, `language`) `<task>.logits`, `<task>.loss` (cross-entropy) and
`<task>.g.<name in model.safetensors>`, the gradients. A model with batch norms has a task `train`, in training mode, and
`train.b.<name>`, the buffers after it. `whisper`, `wav2vec2` and `hubert` have sounds, and a task `ctc`; those called
`-classifier` sounds and the task `classify`; `whisper-writer` texts of its decoder. `wav2vec2-letters` has a tokenizer's
files instead, sounds, and `texts.json`: what is written of them. Everything is seeded; another version of PyTorch may change the last bits.
"""

import json
import math
import pathlib
import wave

import efficientnet_lite_pytorch
import efficientnet_lite_pytorch.utils as efficientnet_utils
import tokenizers
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file, save_file

FOLDER = pathlib.Path(__file__).resolve().parent / "models"
LABELS = 3
BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
VOCABULARY = 40
SIZES = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24)
EAGER = dict(num_labels=LABELS, attn_implementation="eager")


def randomize(model, keep_size=False):
    """Weights large enough for outputs to vary, none of them as an initialisation leaves it. `keep_size`: those of
    convolutions as large as keeps the size of what goes through many."""
    kinds = (torch.nn.LayerNorm, torch.nn.BatchNorm2d)
    norms = {id(module.weight) for module in model.modules() if isinstance(module, kinds)}
    with torch.no_grad():
        for parameter in model.parameters():
            keeps = keep_size and parameter.dim() == 4
            parameter.normal_(std=math.sqrt(2 / parameter[0].numel()) if keeps else 0.3)
            if id(parameter) in norms:
                parameter.add_(1)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(std=0.3)
                module.running_var.uniform_(0.5, 1.5)
                module.num_batches_tracked.fill_(7)
    return model.eval()


def names_in_file(model, folder):
    """What each parameter is called in model.safetensors, which is not always its name in the program."""
    saved = load_file(folder / "model.safetensors")
    by_value = {value.numpy().tobytes(): name for name, value in saved.items()}
    names = {by_value[parameter.detach().numpy().tobytes()]: parameter for parameter in model.parameters()}
    buffers = {name for name in saved if name.endswith(BUFFERS)}
    assert set(names) == set(saved) - buffers, set(names) ^ set(saved)
    return names


class Golden:
    def __init__(self, name, model, layers, inputs, keep_size=False):
        self.folder = FOLDER / name
        self.model = randomize(model, keep_size)
        self.model.save_pretrained(self.folder)
        self.names = names_in_file(self.model, self.folder)
        self.tensors = dict(inputs)
        self.record_hidden_states(layers)

    def add_training(self):
        """In training mode, where a batch norm normalises by the batch and counts it."""
        self.model.train()
        hidden = {name: value for name, value in self.tensors.items() if name.startswith("hidden.")}
        output = self.model(self.tensors["x"])
        self.add("train", getattr(output, "logits", output), self.tensors["labels"])
        self.tensors |= hidden  # in evaluation
        self.tensors |= {f"train.b.{name}": value for name, value in self.model.state_dict().items()
                         if name.endswith(BUFFERS)}

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
        saved = load_file(self.folder / "model.safetensors")
        for name, parameter in self.names.items():
            if parameter.grad is not None:
                self.tensors[f"{task}.g.{name}"] = parameter.grad.reshape(saved[name].shape)

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


def make_resnet(name, seed, **options):
    """`hidden_act` is another than the ReLU that stands within blocks whatever it is."""
    torch.manual_seed(seed)
    config = transformers.ResNetConfig(embedding_size=6, hidden_sizes=[8, 12], depths=[2, 1], num_labels=LABELS,
                                       hidden_act="silu", image_size=[20, 17], **options)
    model = transformers.ResNetForImageClassification(config)
    x = {"x": torch.randn(3, 3, 20, 17), "labels": torch.tensor([2, 0, 1])}
    golden = Golden(name, model, model.resnet.encoder.stages, x, keep_size=True)
    golden.add("classify", model(x["x"]).logits, x["labels"])
    golden.add_training()
    golden.save()


def make_convnext():
    torch.manual_seed(11)
    config = transformers.ConvNextConfig(hidden_sizes=[6, 8], depths=[2, 1], num_stages=2, patch_size=2,
                                         num_labels=LABELS, image_size=[20, 17])
    model = transformers.ConvNextForImageClassification(config)
    x = {"x": torch.randn(3, 3, 20, 17), "labels": torch.tensor([2, 0, 1])}
    golden = Golden("convnext", model, model.convnext.encoder.stages, x, keep_size=True)
    golden.add("classify", model(x["x"]).logits, x["labels"])
    golden.save()


class OwnFolder:
    """Saves as thaw's own folders are: config.json as given, and the weights, some of another shape than in the program."""

    def save_pretrained(self, folder):
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.thaw_config, indent=2) + "\n")
        weights = {name: value.reshape(self.shapes.get(name, value.shape)) for name, value in self.state_dict().items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


class EfficientNetLite(efficientnet_lite_pytorch.EfficientNet, OwnFolder):
    shapes = {}


def make_efficientnet_lite():
    """By its package, with the padding of whatever size an image has; without dropout and stochastic depth."""
    torch.manual_seed(12)
    stages = [dict(channels=8, depth=1, kernel=3, stride=1, expansion=1),
              dict(channels=12, depth=2, kernel=5, stride=2, expansion=2)]
    blocks, channels = [], 6
    for stage in stages:
        blocks.append(efficientnet_utils.BlockArgs(
            num_repeat=stage["depth"], kernel_size=stage["kernel"], stride=[stage["stride"]],
            expand_ratio=stage["expansion"], input_filters=channels, output_filters=stage["channels"], id_skip=True))
        channels = stage["channels"]
    sizes = efficientnet_utils.GlobalParams(dropout_rate=0.0, num_classes=LABELS, batch_norm_momentum=0.99,
                                            batch_norm_epsilon=1e-3, drop_connect_rate=0.0, relu_fn="relu6",
                                            fix_head_stem=False, local_pooling=False)
    model = build_small_efficientnet(blocks, sizes, stem=6, last=16)
    model.thaw_config = {"model_type": "thaw-efficientnet-lite", "num_channels": 3, "image_size": [20, 17],
                         "stem_channels": 6, "stages": stages, "last_channels": 16, "batch_norm_eps": 1e-3,
                         "batch_norm_momentum": 0.01, "dropout": 0.0, "num_labels": LABELS}
    x = {"x": 2 * torch.randn(3, 3, 20, 17), "labels": torch.tensor([2, 0, 1])}
    golden = Golden("efficientnet-lite", model, [model._blocks[0], model._blocks[-1]], x, keep_size=True)
    model._avg_pooling.register_forward_pre_hook(lambda _, inputs: golden.tensors.update({"hidden.3": inputs[0]}))
    golden.add("classify", model(x["x"]), x["labels"])
    golden.add_training()
    golden.save()


def build_small_efficientnet(blocks, sizes, stem, last):
    """The package rounds the sizes of its stem, 32, and of its last convolution, 1280; here they are given."""
    given = {32: stem, 1280: last}
    efficientnet_lite_pytorch.model.round_filters = lambda filters, *_: given.get(filters, filters)
    return EfficientNetLite(blocks, sizes)


class Fire(torch.nn.Module):
    def __init__(self, channels, squeeze, expand, pools):
        super().__init__()
        self.pools = pools
        self.squeeze1x1 = torch.nn.Conv2d(channels, squeeze, 1)
        self.expand1x1 = torch.nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = torch.nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.squeeze1x1(F.max_pool2d(x, 3, 2) if self.pools else x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], 1)


class SqueezeNet(torch.nn.Module, OwnFolder):
    """As the paper has it, on images of even sides: the classifier is a convolution whose outputs are averaged."""

    shapes = {"conv10.weight": [LABELS, 12]}

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 6, 3, stride=2)
        self.fire2 = Fire(6, 3, 4, True)
        self.fire3 = Fire(8, 4, 6, True)
        self.conv10 = torch.nn.Conv2d(12, LABELS, 1)

    def forward(self, x):
        x = F.relu(self.conv1(F.pad(x, (0, 1, 0, 1))))
        return self.conv10(self.fire3(self.fire2(x))).mean((2, 3))


def make_squeezenet():
    torch.manual_seed(13)
    model = SqueezeNet()
    model.thaw_config = {"model_type": "thaw-squeezenet", "num_channels": 3, "image_size": [28, 22],
                         "stem_channels": 6, "stages": [dict(squeeze=3, channels=8, stride=2),
                                                        dict(squeeze=4, channels=12, stride=2)],
                         "dropout": 0.0, "num_labels": LABELS}
    x = {"x": torch.randn(3, 3, 28, 22), "labels": torch.tensor([2, 0, 1])}
    golden = Golden("squeezenet", model, [model.fire2, model.fire3], x, keep_size=True)
    golden.add("classify", model(x["x"]), x["labels"])
    golden.save()


def whisper_encoders(lengths, sizes):
    """An encoder for each length with the same weights, for transformers takes one length alone; the weights by name, and
    the sines of 8 places."""
    encoders = [transformers.WhisperModel(transformers.WhisperConfig(max_source_positions=n, **sizes)).encoder
                for n in lengths]
    whole = randomize(encoders[0])
    positions = transformers.WhisperModel(transformers.WhisperConfig(max_source_positions=8, **sizes)).encoder
    sines = positions.embed_positions.weight.detach().clone()
    parameters = {name: p for name, p in whole.named_parameters() if not name.startswith("embed_positions")}
    for encoder, n in zip(encoders, lengths):
        encoder.embed_positions.weight.data = sines[:n].clone()
        for name in parameters:  # the same parameter in all
            module, leaf = encoder.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2]
            setattr(module, leaf, parameters[name])
        encoder.eval()
    return encoders, parameters, sines


def whisper_sizes():
    return dict(vocab_size=VOCABULARY, num_mel_bins=5, d_model=16, encoder_layers=2, encoder_attention_heads=4,
                encoder_ffn_dim=24, decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=8, dropout=0,
                max_target_positions=8, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
                attn_implementation="eager")


def save_whisper(name, config, parameters, sines, tensors, features, lengths, prefix="model."):
    folder = FOLDER / name
    folder.mkdir(exist_ok=True)
    config.save_pretrained(folder)
    weights = {name: p.detach().clone().contiguous() for name, p in parameters.items()}
    save_file(weights | {f"{prefix}encoder.embed_positions.weight": sines}, folder / "model.safetensors",
              metadata={"format": "pt"})
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    tensors |= {"x": torch.nn.utils.rnn.pad_sequence(features, batch_first=True), "mask": mask}
    versions = f"torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}"
    save_file({name: value.detach().clone().contiguous() for name, value in tensors.items()},
              folder / "golden.safetensors", metadata={"made_with": versions})
    for path in folder.iterdir():
        path.chmod(0o644)


def make_whisper():
    """Its encoder with a linear layer that says a character of each place, over sounds of several lengths."""
    torch.manual_seed(7)
    lengths, mels, characters = [6, 4, 1], 5, 7
    sizes = whisper_sizes()
    encoders, parameters, sines = whisper_encoders(lengths, sizes)
    head = randomize(torch.nn.Linear(16, characters))

    features = [torch.randn(2 * n, mels) for n in lengths]
    hidden = {i: [] for i in range(3)}
    rows = []
    for encoder, x in zip(encoders, features):
        encoder.layers[0].register_forward_pre_hook(lambda _, inputs: hidden[0].append(inputs[0][0]))
        for i, layer in enumerate(encoder.layers):
            layer.register_forward_hook(
                lambda _, __, out, i=i: hidden[i + 1].append((out[0] if isinstance(out, tuple) else out)[0]))
        rows.append(head(encoder(x.T[None]).last_hidden_state[0]))
    targets, counts = torch.tensor([3, 3, 1, 5, 2]), torch.tensor([3, 2, 0])
    logits = torch.cat(rows)
    padded = torch.nn.utils.rnn.pad_sequence([r.log_softmax(-1) for r in rows])
    loss = F.ctc_loss(padded, targets, torch.tensor(lengths), counts)
    loss.backward()

    config = transformers.WhisperConfig(max_source_positions=8, architectures=["WhisperForCTC"],
                                        id2label={i: c for i, c in enumerate(["<pad>", "|", *"abcde"])}, **sizes)
    names = {f"model.encoder.{name}": p for name, p in parameters.items()}
    names |= {f"lm_head.{name}": p for name, p in head.named_parameters()}
    tensors = {"targets": targets, "lengths": torch.tensor(lengths), "target_lengths": counts, "ctc.logits": logits,
               "ctc.loss": loss}
    tensors |= {f"hidden.{i}": torch.cat(parts) for i, parts in hidden.items()}
    tensors |= {f"ctc.g.{name}": p.grad for name, p in names.items()}
    save_whisper("whisper", config, names, sines, tensors, features, lengths)


def make_whisper_writer():
    """With its decoder: the logits and the loss of given texts, nothing being learnt behind the first token; and what it
    writes, the likeliest token each time, computed anew from the whole text so far."""
    torch.manual_seed(8)
    lengths, prompt, end, never, never_first = [6, 4, 1], [1, 3], 2, [5, 6], [2, 9]
    sizes = whisper_sizes() | dict(decoder_layers=2)
    encoders, of_encoder, sines = whisper_encoders(lengths, sizes)
    config = transformers.WhisperConfig(max_source_positions=8, architectures=["WhisperForConditionalGeneration"], **sizes)
    decoder = randomize(transformers.WhisperForConditionalGeneration(config).model.decoder)
    table = decoder.embed_tokens.weight

    features = [torch.randn(2 * n, 5) for n in lengths]
    memories = [encoder(x.T[None]).last_hidden_state for encoder, x in zip(encoders, features)]
    texts = [[7, 11, 30, end], [12, end], [end]]

    def logits_of(tokens, memory):
        return F.linear(decoder(input_ids=torch.tensor([tokens]), encoder_hidden_states=memory).last_hidden_state[0], table)

    logits = torch.cat([logits_of(prompt + text[:-1], memory) for text, memory in zip(texts, memories)])
    target = torch.tensor([token for text in texts for token in [-100] + text])
    loss = F.cross_entropy(logits, target)
    loss.backward()

    written = []
    with torch.no_grad():
        for memory in memories:
            tokens = list(prompt)
            while len(tokens) < config.max_target_positions + 1:
                scores = logits_of(tokens, memory)[-1]
                scores[never + (never_first if len(tokens) == len(prompt) else [])] = -torch.inf
                tokens.append(int(scores.argmax()))
                if tokens[-1] == end:
                    break
            written.append([token for token in tokens[len(prompt):] if token != end])
    assert len({tuple(text) for text in written}) > 1, written

    names = {f"model.encoder.{name}": p for name, p in of_encoder.items()}
    names |= {f"model.decoder.{name}": p for name, p in decoder.named_parameters()}
    ids = [torch.tensor(prompt + text[:-1]) for text in texts]
    tensors = {"ids": torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=end),
               "id_lengths": torch.tensor([len(i) for i in ids]), "target": target, "logits": logits, "loss": loss,
               "memory": torch.cat([memory[0] for memory in memories]),
               "written": torch.tensor([token for text in written for token in text]),
               "written_lengths": torch.tensor([len(text) for text in written])}
    tensors |= {f"g.{name}": p.grad for name, p in names.items()}
    save_whisper("whisper-writer", config, names, sines, tensors, features, lengths)


def make_whisper_classifier():
    """The encoder with transformers' classifier of sounds, each sound alone."""
    torch.manual_seed(14)
    lengths, sizes = [6, 4, 1], whisper_sizes() | dict(classifier_proj_size=6)
    encoders, parameters, sines = whisper_encoders(lengths, sizes)
    config = transformers.WhisperConfig(max_source_positions=8, id2label=CLASSES, **sizes,
                                        architectures=["WhisperForAudioClassification"])
    model = randomize(transformers.WhisperForAudioClassification(config))
    head = {name: p for name, p in model.named_parameters() if not name.startswith("encoder.")}
    features, rows = [torch.randn(2 * n, 5) for n in lengths], []
    for model.encoder, x in zip(encoders, features):
        rows.append(model(x.T[None]).logits)
    tensors = classified(torch.cat(rows))
    names = {f"encoder.{name}": p for name, p in parameters.items()} | head
    tensors |= {f"classify.g.{name}": p.grad for name, p in names.items()}
    save_whisper("whisper-classifier", config, names, sines, tensors, features, lengths, prefix="")
    expect_whole(transformers.WhisperForAudioClassification, "whisper-classifier")


CLASSES = dict(enumerate(["bell", "horn", "rain"]))


def classified(logits):
    labels = torch.tensor([2, 0, 1])
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    return {"labels": labels, "classify.logits": logits, "classify.loss": loss}


def expect_whole(kind, name):
    """The class reads the folder and misses nothing."""
    _, report = kind.from_pretrained(FOLDER / name, output_loading_info=True)
    assert not any(report.values()), report


def make_wave(name, config, model, seed):
    """wav2vec 2.0 or HuBERT over raw sounds of several lengths: each by itself, for the norm over its whole length, and the
    zeros behind its end, make it another one in a batch."""
    torch.manual_seed(seed)
    model = randomize(model(config(**wave_sizes(), **SOUND_KINDS[name])))
    body = getattr(model, model.base_model_prefix)
    sounds = [torch.randn(n) for n in WAVE_LENGTHS]
    hidden = {i: [] for i in range(3)}
    body.encoder.layers[0].register_forward_pre_hook(lambda _, inputs: hidden[0].append(inputs[0][0]))
    for i, layer in enumerate(body.encoder.layers):
        layer.register_forward_hook(
            lambda _, __, out, i=i: hidden[i + 1].append((out[0] if isinstance(out, tuple) else out)[0]))
    rows = [model(sound[None]).logits[0] for sound in sounds]
    places = torch.tensor([len(r) for r in rows])
    targets, counts = torch.tensor([3, 3, 1, 5, 2]), torch.tensor([3, 2, 0])
    padded = torch.nn.utils.rnn.pad_sequence([r.log_softmax(-1) for r in rows])
    loss = F.ctc_loss(padded, targets, places, counts)
    loss.backward()
    tensors = {"places": places, "targets": targets, "target_lengths": counts, "ctc.logits": torch.cat(rows),
               "ctc.loss": loss}
    tensors |= {f"hidden.{i}": torch.cat(parts) for i, parts in hidden.items()}
    save_wave(name, model, sounds, tensors, "ctc")


def make_wave_classifier(kind, config, model, seed):
    torch.manual_seed(seed)
    config = config(**wave_sizes(), **SOUND_KINDS[kind], id2label=CLASSES, classifier_proj_size=6)
    sizes, strides = config.conv_kernel, config.conv_stride
    model = randomize(model(config))
    sounds, places = [torch.randn(n) for n in WAVE_LENGTHS], []
    for n in WAVE_LENGTHS:
        for size, stride in zip(sizes, strides):
            n = (n - size) // stride + 1
        places.append(n)
    tensors = classified(torch.cat([model(sound[None]).logits for sound in sounds]))
    save_wave(f"{kind}-classifier", model, sounds, tensors | {"places": torch.tensor(places)}, "classify")


def make_wave_letters():
    """A recogniser with the vocabulary of its Wav2Vec2CTCTokenizer: capitals, a blank that is not the first, and tokens behind
    the vocabulary's own. The texts are those of the likeliest tokens, without the names of what is never written."""
    torch.manual_seed(17)
    folder = FOLDER / "wav2vec2-letters"
    folder.mkdir(exist_ok=True)
    letters = ["B", "|", "A", "[UNK]", "\u00c9", "[PAD]", "'"]
    (folder / "vocab.json").write_text(json.dumps({letter: i for i, letter in enumerate(letters)}))
    special = dict(unk_token="[UNK]", pad_token="[PAD]", word_delimiter_token="|")
    tokenizer = transformers.Wav2Vec2CTCTokenizer(folder / "vocab.json", **special)
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=True)
    config = transformers.Wav2Vec2Config(**wave_sizes() | {"vocab_size": len(tokenizer)}, **SOUND_KINDS["wav2vec2"],
                                         pad_token_id=tokenizer.pad_token_id)
    model = randomize(transformers.Wav2Vec2ForCTC(config))
    with torch.no_grad():  # so that each token is likely somewhere
        model.lm_head.bias -= model(torch.randn(1, 4000)).logits[0].mean(0)
    for part in (model, tokenizer, extractor):
        part.save_pretrained(folder)
    texts = {}
    for i in range(4):
        samples = (8000 * torch.randn(400 + 300 * i).cumsum(0).sin()).round().to(torch.int16)
        with wave.open(str(folder / f"{i}.wav"), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(samples.numpy().tobytes())
        x = extractor(samples.numpy() / 32768, sampling_rate=16000, return_tensors="pt").input_values
        ids = model(x).logits[0].argmax(-1)
        texts[f"{i}.wav"] = {}
        for tokens in (tokenizer, transformers.Wav2Vec2CTCTokenizer(folder / "vocab.json", do_lower_case=True, **special)):
            text = tokens.decode(ids)
            for name in ("<s>", "</s>", "[UNK]", "[unk]"):
                text = text.replace(name, "")
            texts[f"{i}.wav"]["lower" if tokens.do_lower_case else "text"] = " ".join(text.split())
    (folder / "texts.json").write_text(json.dumps(texts, indent=1) + "\n")
    for path in folder.iterdir():
        path.chmod(0o644)


WAVE_LENGTHS = (131, 60, 29)


def wave_sizes():
    return dict(vocab_size=7, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
                conv_dim=[6, 8, 8], conv_kernel=[5, 3, 2], conv_stride=[3, 2, 2], num_conv_pos_embeddings=4,
                num_conv_pos_embedding_groups=2, hidden_dropout=0, activation_dropout=0, attention_dropout=0,
                feat_proj_dropout=0, final_dropout=0, layerdrop=0, mask_time_prob=0, mask_feature_prob=0,
                attn_implementation="eager")


def save_wave(name, model, sounds, tensors, task):
    folder = FOLDER / name
    model.save_pretrained(folder)
    tensors |= {"x": torch.nn.utils.rnn.pad_sequence(sounds, batch_first=True),
                "sizes": torch.tensor([len(s) for s in sounds])}
    tensors |= {f"{task}.g.{key}": p.grad for key, p in names_in_file(model, folder).items() if p.grad is not None}
    versions = f"torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}"
    save_file({key: value.detach().clone().contiguous() for key, value in tensors.items()},
              folder / "golden.safetensors", metadata={"made_with": versions})
    for path in folder.iterdir():
        path.chmod(0o644)


# The kinds of norm that there are: of the first convolution over its channels, and layer norms behind each.
SOUND_KINDS = {"wav2vec2": dict(feat_extract_norm="group", do_stable_layer_norm=False, conv_bias=False),
               "hubert": dict(feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True)}


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
    make_resnet("resnet", 8, layer_type="bottleneck")
    make_resnet("resnet-caffe", 9, layer_type="bottleneck", downsample_in_bottleneck=True)
    make_resnet("resnet-basic", 10, layer_type="basic", downsample_in_first_stage=True)
    make_convnext()
    make_efficientnet_lite()
    make_squeezenet()
    make_whisper()
    make_whisper_writer()
    make_wave("wav2vec2", transformers.Wav2Vec2Config, transformers.Wav2Vec2ForCTC, 9)
    make_wave("hubert", transformers.HubertConfig, transformers.HubertForCTC, 10)
    make_whisper_classifier()
    make_wave_classifier("wav2vec2", transformers.Wav2Vec2Config, transformers.Wav2Vec2ForSequenceClassification, 15)
    make_wave_classifier("hubert", transformers.HubertConfig, transformers.HubertForSequenceClassification, 16)
    make_wave_letters()
    make_roberta("xlm-roberta", transformers.XLMRobertaForSequenceClassification, transformers.XLMRobertaConfig, 6)
