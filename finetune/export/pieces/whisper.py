import torch
import torch.nn.functional as F
from torch import nn
from transformers import WhisperConfig, WhisperModel


class Recognizer(nn.Module):
    """Whisper's encoder, and a linear layer that says of every 20 ms which character they are."""

    def __init__(self):
        super().__init__()
        config = WhisperConfig.from_pretrained(MODEL)
        config.dropout, config.attention_dropout = HIDDEN_DROPOUT, ATTENTION_DROPOUT
        encoder = WhisperModel.from_pretrained(MODEL, config=config).encoder.float()
        # Sines, which nobody trains: as a buffer they are no parameter that a plan could thaw.
        positions = nn.Module()
        positions.register_buffer("weight", encoder.embed_positions.weight.detach())
        encoder.embed_positions = positions
        self.model = nn.ModuleDict({"encoder": encoder})
        self.lm_head = nn.Linear(config.d_model, OUTPUTS)

    def forward(self, batch):
        """Logits [B, T, OUTPUTS], and how many of the T are of each sound [B]. The encoder's own
        forward() wants 30 s; here a batch is as long as its longest sound."""
        features, places = batch
        encoder = self.model["encoder"]
        is_sound = torch.arange(features.shape[2] // 2)[None, :] < places[:, None]
        h = F.gelu(encoder.conv1(features)) * is_sound.repeat_interleave(2, 1)[:, None, :]
        h = F.gelu(encoder.conv2(h)).transpose(1, 2)
        h = h + encoder.embed_positions.weight[: h.shape[1]]
        h = F.dropout(h, HIDDEN_DROPOUT, encoder.conv1.training)
        # Without the mask a sound's result would depend on how much silence stands behind it.
        mask = torch.zeros(is_sound.shape).masked_fill(~is_sound, float("-inf"))[:, None, None, :]
        for layer in encoder.layers:
            h = layer(h, attention_mask=mask)
        return self.lm_head(encoder.layer_norm(h)), places


def make_network():
    return Recognizer()
