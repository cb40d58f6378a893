import numpy
import torch


class Pictures:
    """Pictures as the network sees them, made when they are first asked for and kept."""

    def __init__(self, pictures):
        self.pictures = pictures
        self.seen = {}  # [H, W, C], 8 bits a value

    def __getitem__(self, row):
        """[C, H, W]"""
        if row not in self.seen:
            image = resized(open_picture(self.pictures[row]).convert(MODE))
            top, left = [(has - wants) // 2 for has, wants in zip(image.size[::-1], SIZE)]
            image = image.crop((left, top, left + SIZE[1], top + SIZE[0]))
            self.seen[row] = torch.tensor(numpy.asarray(image)).reshape(*SIZE, -1)
        pixels = self.seen[row].permute(2, 0, 1).float() / 255
        # What usually goes wrong: another filter, another mean or deviation than those that the
        # network was pretrained with. It trains all the same, from a start that is worse.
        if MEAN:
            mean, deviation = torch.tensor([MEAN, DEVIATION], dtype=torch.double)[:, :, None, None]
            pixels = ((pixels.double() - mean) / deviation).float()
        return pixels


def read_data(path):
    """The pictures, and targets [N]."""
    pictures, labels = read_pictures(path)
    return Pictures(pictures), targets_of(labels)


def batch_of(inputs, rows):
    """[B, C, H, W]"""
    return torch.stack([inputs[row] for row in rows])


def sum_of(inputs, rows):
    """A number that changes when any of these samples is another one."""
    return sum(inputs[row].double().abs().sum().item() for row in rows)
