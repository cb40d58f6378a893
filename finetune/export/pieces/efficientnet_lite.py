from torch import nn


def conv(inputs, outputs, kernel=1, stride=1, groups=1):
    """No bias: the batch norm behind the convolution would take it away again."""
    return SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False)


def batch_norm(channels):
    return nn.BatchNorm2d(channels, eps=NORM_EPS, momentum=NORM_MOMENTUM)


def relu6(x):
    return x.clamp(0, 6)


class Block(nn.Module):
    """An inverted bottleneck (Sandler et al. 2018, MobileNetV2): a 1x1 convolution to more
    channels, one within each channel, a 1x1 convolution to fewer; x is added where the shape is the
    same."""

    def __init__(self, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        inside = inputs * expansion
        self.expands = expansion != 1
        self.adds_input = stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv, self._bn0 = conv(inputs, inside), batch_norm(inside)
        self._depthwise_conv = conv(inside, inside, kernel, stride, groups=inside)
        self._bn1 = batch_norm(inside)
        self._project_conv, self._bn2 = conv(inside, outputs), batch_norm(outputs)

    def forward(self, x):
        h = relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        h = relu6(self._bn1(self._depthwise_conv(h)))
        h = self._bn2(self._project_conv(h))
        return h + x if self.adds_input else h


class EfficientNetLite(nn.Module):
    """A stem, stages of blocks, a 1x1 convolution, the mean over the image, a linear head. Names
    are those of efficientnet-lite-pytorch."""

    def __init__(self):
        super().__init__()
        self._conv_stem, self._bn0 = conv(CHANNELS, STEM, 3, 2), batch_norm(STEM)
        self._blocks = nn.ModuleList()
        channels = STEM
        for outputs, blocks, kernel, stride, expansion in STAGES:
            for i in range(blocks):
                block = Block(channels, outputs, kernel, stride if i == 0 else 1, expansion)
                self._blocks.append(block)
                channels = outputs
        self._conv_head, self._bn1 = conv(channels, LAST), batch_norm(LAST)
        self.dropout = nn.Dropout(DROPOUT)
        self._fc = nn.Linear(LAST, OUTPUTS)

    def forward(self, x):
        x = relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        x = relu6(self._bn1(self._conv_head(x)))
        return self._fc(self.dropout(x.mean((2, 3))))


def make_network():
    return EfficientNetLite()
