"""Where the models and recordings lie that come with the package.

In a wheel they lie inside the package; in a checkout beside it.
"""

from __future__ import annotations

from pathlib import Path

from .errors import ModelError

__all__ = ["demo_recording", "model_folder"]

_PACKAGE = Path(__file__).resolve().parent


def _find(folder: str, name: str) -> Path | None:
    for root in (_PACKAGE, _PACKAGE.parent):
        path = root / folder / name
        if path.exists():
            return path
    return None


def demo_recording() -> Path:
    """Path of the bundled demo recording, made by the project's own synthesiser."""
    path = _find("recordings", "demo.flac")
    if path is None:
        raise ModelError(f"recordings/demo.flac is missing beside {_PACKAGE}; reinstall the package")
    return path


def model_folder(name: str = "default") -> Path:
    """Folder of a bundled model, or of a model folder given as a path."""
    given = Path(name)
    if (given / "model.toml").is_file():
        return given
    path = _find("models", name)
    if path is None or not (path / "model.toml").is_file():
        raise ModelError(f"{name}: no such model, neither a bundled one nor a folder with a model.toml in it")
    return path
