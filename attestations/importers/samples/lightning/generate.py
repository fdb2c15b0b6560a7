"""Writes the PyTorch Lightning sample: CSVLogger of a tiny model that logs its tokens and FLOP."""
import sys, warnings
warnings.filterwarnings("ignore")
import torch, lightning as L
from lightning.pytorch.loggers import CSVLogger
class Tiny(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 1)
        self.tokens = 0
        self.save_hyperparameters({"n_parameters": 9, "model": "tiny-linear"})
    def training_step(self, batch, i):
        loss = self.layer(batch).square().mean()
        self.tokens += batch.shape[0]
        self.log_dict({"train_loss": loss, "num_input_tokens_seen": float(self.tokens), "total_flos": float(6 * 9 * self.tokens)})
        return loss
    def validation_step(self, batch, i):
        self.log("val_loss", self.layer(batch).square().mean())
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)
torch.manual_seed(0)
data = torch.utils.data.DataLoader(torch.randn(64, 8), batch_size=4)
logger = CSVLogger(sys.argv[1], name="lightning_logs", version=0)
L.Trainer(max_epochs=2, logger=logger, log_every_n_steps=4, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False).fit(Tiny(), data, data)
print(torch.__version__, L.__version__)
