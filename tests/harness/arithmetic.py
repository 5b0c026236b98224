"""In which arithmetic a process computes: one that every x86 processor shares, the machine's own, and others to try.

NumPy, PyTorch, BLAS and the C library choose instructions by the processor; sums come out in another order, and equal
values are sorted in another order, so that a seeded search can part. Stored outputs are made and compared, to the last
digit, in the reference arithmetic. What was seen: an emulated Intel Nehalem, which has nothing beyond SSE4.2, gives
the same bits as a processor with AVX-512, but for PyTorch's square root (one unit in the last place).
"""

from __future__ import annotations

import hashlib
import math
import os
import platform
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from unittest import mock

REFERENCE = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V3",  # and with it all that builds on it: NumPy's kernels and its sorting
    "ATEN_CPU_CAPABILITY": "default",  # PyTorch's own kernels
    "MKL_CBWR": "COMPATIBLE",  # the matrix products of PyTorch
    "DNNL_MAX_CPU_ISA": "SSE41",  # its convolutions in float32
    "OPENBLAS_CORETYPE": "Prescott",  # the matrix products of NumPy and SciPy
    "OMP_NUM_THREADS": "1",  # sums are split by the number of threads
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX,-AVX_Usable,-AVX2,-AVX2_Usable,-FMA,-FMA_Usable,-FMA4,-FMA4_Usable",
}
ARITHMETICS: dict[str, dict[str, str]] = {
    "reference": REFERENCE,
    "own": {},
    "avx2": {"NPY_DISABLE_CPU_FEATURES": "X86_V4", "ATEN_CPU_CAPABILITY": "avx2", "OPENBLAS_CORETYPE": "Haswell"},
    "numpy-v2": {"NPY_DISABLE_CPU_FEATURES": "X86_V3"},
    "numpy-v3": {"NPY_DISABLE_CPU_FEATURES": "X86_V4"},
    "numpy-v4": {"NPY_DISABLE_CPU_FEATURES": "AVX512_ICL AVX512_SPR"},
    "torch": {"ATEN_CPU_CAPABILITY": "default"},
    "blas": {"OPENBLAS_CORETYPE": "Nehalem"},
    "oldest": {"NPY_DISABLE_CPU_FEATURES": "X86_V3", "ATEN_CPU_CAPABILITY": "default", "OPENBLAS_CORETYPE": "Prescott"},
}
OTHER_KNOBS = {"NPY_ENABLE_CPU_FEATURES", "OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
OTHER_KNOBS |= {"MKL_ENABLE_INSTRUCTIONS", "MKL_DYNAMIC"}


def has_the_reference() -> bool:
    """True where the reference arithmetic can be had: Linux on x86 with the GNU C library."""
    return platform.machine() in ("x86_64", "AMD64") and platform.libc_ver()[0] == "glibc"


def environment(arithmetic: str) -> dict[str, str]:
    """This process's environment with an arithmetic in the place of its own; "own" is what the user set."""
    settings = ARITHMETICS[arithmetic]
    if not settings:
        return dict(os.environ)
    kept = {name: value for name, value in os.environ.items() if name not in REFERENCE.keys() | OTHER_KNOBS}
    return kept | settings


def compute(arithmetic: str, function: Callable, *arguments: object) -> object:
    """What a function of a module returns in a new process with this arithmetic."""
    with (
        mock.patch.dict(os.environ, environment(arithmetic), clear=True),
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
    ):
        return pool.submit(function, *arguments).result()


def fingerprint() -> dict[str, str]:
    """A digest of what this process computes, for each part that chooses its instructions by the processor."""
    import numpy as np
    import torch

    draws = np.random.default_rng(0)
    points, matrix = np.abs(draws.normal(size=1001)) + 0.1, draws.normal(size=(37, 37))
    images = torch.from_numpy(draws.normal(size=(8, 3, 12, 12)))
    torch.set_num_threads(1)
    results = {
        "NumPy's functions": [np.exp(points), np.log(points), np.tanh(points), points**0.37],
        "NumPy's sums": [points.sum(), matrix.mean(axis=0), matrix.var(axis=1)],
        "NumPy's order of equal values": [np.argsort(draws.integers(0, 20, size=500))],
        "BLAS and LAPACK": [matrix @ matrix, np.linalg.eigh(matrix + matrix.T)[0], np.linalg.solve(matrix, matrix[0])],
        "the C library": [[f(point) for point in points.tolist() for f in (math.exp, math.log, math.sin, math.erf)]],
        "PyTorch's functions": [images.exp(), images.softmax(-1), images.tanh(), images.sum()],
        "PyTorch's products": [images[0] @ images[1], torch.nn.functional.conv2d(images, images[:2, :, :3, :3])],
    }
    return {
        part: hashlib.sha256(b"".join(np.asarray(array, dtype=float).tobytes() for array in arrays)).hexdigest()[:12]
        for part, arrays in results.items()
    }


if __name__ == "__main__":
    print(*(name for name in ARITHMETICS if name != "reference"))  # what `make portable` goes through
