import transformers


class Classifier(CLASS):
    """Gives the logits alone."""

    def forward(self, images):
        return super().forward(images).logits


def make_network():
    config = transformers.AutoConfig.from_pretrained(MODEL, **DROPOUTS)
    config.num_labels = OUTPUTS
    # Where the folder's head has other classes it does not fit. START has the one to begin with.
    network = Classifier.from_pretrained(MODEL, config=config, ignore_mismatched_sizes=True)
    return network.float()  # folders may hold 16 bits, in which small updates vanish
