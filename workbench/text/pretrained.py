"""A pretrained transformer of this machine as texts to vectors, open to be tuned further."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from workbench.text.encoders import model_folder, transformers_quietly, whole

if TYPE_CHECKING:
    from torch import Tensor

_KIND: Final = "a Hugging Face model with its tokenizer"
_LONGEST: Final = 256  # tokens of a text that are read
_BATCH: Final = 64  # texts encoded at a time
_CODED: Final = 1024  # texts that the tokenizer reads at a time: it notes much more of each than its ids

Tokens = NDArray[np.int32]  # the ids of one text


@dataclass(frozen=True, eq=False)
class Pretrained:
    """The model of a Hugging Face folder, a torch module in float32, and the tokenizer, one of the library `tokenizers`."""

    tokenizer: Any
    model: Any

    @classmethod
    def load(cls, encoder: str) -> Self:
        """Return the model of a folder, an installed package or `minilm`, from safetensors alone; nothing is downloaded.

        Raises WorkbenchError where it is not on this machine, does not load, or transformers is not installed.
        """
        folder = cls.folder(encoder)
        with transformers_quietly(f"the folder {folder}", _KIND):
            from transformers import AutoModel, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)  # nosec  # nothing is fetched
            model = AutoModel.from_pretrained(str(folder), local_files_only=True, use_safetensors=True)  # nosec
        return cls._of(tokenizer.backend_tokenizer, model)

    @staticmethod
    def folder(encoder: str) -> Path:
        """Return where a model stands; raises WorkbenchError where it is not on this machine."""
        return model_folder(encoder, "tokenizer_config.json", _KIND)

    @classmethod
    def _of(cls, tokenizer: Any, model: Any) -> Self:
        tokenizer.no_padding()
        tokenizer.enable_truncation(min(_LONGEST, getattr(model.config, "max_position_embeddings", None) or _LONGEST))
        return cls(tokenizer, model.float().eval())

    def tokens(self, texts: Sequence[str]) -> list[Tokens]:
        """Return the ids of each text's first 256 tokens; a text without any has one of padding."""
        clean, found = whole(texts), list[Tokens]()
        for start in range(0, len(clean), _CODED):
            coded = self.tokenizer.encode_batch_fast(clean[start : start + _CODED])
            found += [np.array(one.ids or [self._padding], np.int32) for one in coded]
        return found

    @property
    def _padding(self) -> int:
        return self.model.config.pad_token_id or 0

    def vectors(self, tokens: Sequence[Tokens]) -> Tensor:
        """Return [n, d] on the model's device: the mean of the last hidden states of a text's tokens, at length 1."""
        import torch

        device = next(self.model.parameters()).device
        rows = [torch.from_numpy(ids) for ids in tokens]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self._padding).to(device)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True).to(device)
        states = self.model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        weights = mask[:, :, None].to(states.dtype)
        return torch.nn.functional.normalize((states * weights).sum(dim=1) / weights.sum(dim=1), dim=1)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32[n, d], dropout off; batches are of texts of like length, so that little is padded."""
        import torch

        tokens = self.tokens(texts)
        order = np.argsort([len(ids) for ids in tokens], kind="stable")
        found = np.zeros((len(tokens), self.model.config.hidden_size), np.float32)
        self.model.eval()
        with torch.no_grad():
            for start in range(0, len(order), _BATCH):
                at = order[start : start + _BATCH]
                found[at] = self.vectors([tokens[row] for row in at]).cpu().numpy()
        return found

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return configuration and tokenizer as a JSON document, and the weights by name."""
        config = self.model.config.to_dict()
        config.pop("_name_or_path", None)  # where it lay on this machine
        weights = {name: part.detach().cpu().numpy() for name, part in self.model.state_dict().items()}
        return {"config": config, "tokenizer": self.tokenizer.to_str()}, weights

    @classmethod
    def from_state(cls, state: Mapping[str, Any], weights: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild from what `state` gave: no folder is read, and nothing of it executed."""
        with transformers_quietly("the encoder in the saved end model", _KIND):
            import torch
            from tokenizers import Tokenizer
            from transformers import AutoConfig, AutoModel

            model = AutoModel.from_config(AutoConfig.for_model(**state["config"]))  # type: ignore[no-untyped-call]
            model.load_state_dict({name: torch.from_numpy(part) for name, part in weights.items()})
        return cls._of(Tokenizer.from_str(state["tokenizer"]), model)
