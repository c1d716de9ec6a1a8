"""Jacobians for the tests of this folder."""

import torch


def jacobians(n: int, m: int, d: int, seed: int = 0) -> torch.Tensor:
    """Rows share a random offset, so that the hull often does not hold the origin."""
    generator = torch.Generator().manual_seed(seed)
    J = torch.randn(n, m, d, dtype=torch.float64, generator=generator)
    return J + 2.0 * torch.randn(n, 1, d, dtype=torch.float64, generator=generator)


def conflicting(n: int, m: int, d: int, seed: int = 0) -> torch.Tensor:
    """Independent directions of lengths between a tenth and ten: about half of the pairs conflict."""
    generator = torch.Generator().manual_seed(seed)
    J = torch.randn(n, m, d, dtype=torch.float64, generator=generator)
    return J * 10.0 ** (2.0 * torch.rand(n, m, 1, dtype=torch.float64, generator=generator) - 1.0)
