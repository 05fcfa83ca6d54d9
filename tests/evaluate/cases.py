"""Inputs that several tests rank, made from formulas so that any program can make them again."""

import numpy as np


def golden_inputs(
    queries: int = 12, gallery: int = 90, width: int = 6
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Unit embeddings (Q + G, D) in loose clusters of a person, persons with junk and distractors, cameras, and Q.

    Person 9 is searched for and has no match.
    """
    row, column = np.meshgrid(np.arange(queries + gallery), np.arange(width), indexing="ij")
    persons = np.arange(queries + gallery) % 11 - 1  # −1 .. 9
    persons[:queries] = np.arange(queries) % 9 + 1
    persons[queries:][persons[queries:] == 9] = 0
    values = np.sin(1.7 * (persons[row] + 2) * (column + 1)) + 1.6 * np.sin(
        12.9898 * row + 78.233 * column + row * column
    )
    embeddings = values / np.linalg.norm(values, axis=1, keepdims=True)
    return embeddings.astype(np.float32), persons, (np.arange(queries + gallery) * 7 // 3) % 4, queries
