from torch import nn
from transformers import AutoConfig, BertModel


class Classifier(nn.Module):
    """An encoder, one vector for each text, a linear layer. Names are those of
    BertForSequenceClassification."""

    def __init__(self):
        super().__init__()
        config = AutoConfig.from_pretrained(MODEL)
        config.hidden_dropout_prob = HIDDEN_DROPOUT
        config.attention_probs_dropout_prob = ATTENTION_DROPOUT
        # float(): folders may hold 16 bits, in which small updates vanish.
        encoder = BertModel.from_pretrained(MODEL, config=config, add_pooling_layer=HAS_POOLER)
        self.bert = encoder.float()
        self.dropout = nn.Dropout(CLASSIFIER_DROPOUT)
        self.classifier = nn.Linear(config.hidden_size, OUTPUTS)

    def forward(self, batch):
        return self.classifier(self.dropout(pool(self.bert(**batch), batch["attention_mask"])))


def make_network():
    return Classifier()
