"""The error of a training that diverges."""

from __future__ import annotations

from rcspike.training.settings import Settings


def diverged(epoch: int, error: Exception, settings: Settings) -> FloatingPointError:
    """The error in an epoch, counted from 0, which says what to lower."""
    penalties = [name for name in settings.loss if name.endswith("_penalty") and settings.loss[name] > 0]
    lower = " or ".join(f"{name} (now {getattr(settings, name)})" for name in ("learning_rate", *penalties))
    return FloatingPointError(f"training diverged in epoch {epoch + 1}: {error}; lower {lower}")
