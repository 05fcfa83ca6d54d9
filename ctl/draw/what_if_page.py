"""What switching something off moved: the embedding, the matrices, the ranking."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import numpy as np

from ctl.draw.page import number
from ctl.explain.reading import window_names
from ctl.explain.what_if import Answer, Change, Move
from ctl.skeleton import SCALES, Scale, part_count

_MOVES: Final = 10


def what_if_html(answer: Answer) -> str:
    """An answer as a fragment of HTML that needs `what_if.css` and no script."""
    if not any(change.share for change in answer.changes) and answer.similarity > 1 - 1e-6:
        return '<div class="what-if"><p>This is the full model: nothing has moved.</p></div>'
    return f"""<div class="what-if">
<p>Similarity of the altered embedding and the full model's: <b>{answer.similarity:.3f}</b>.</p>
<p class="what-if-note">The altered model has the full model's weights. Training without a part would give \
another model, so this shows what the full model leans on, not what the part is worth.</p>
<div class="what-if-pair"><section><h4>How far each matrix moved</h4>
{_table("Matrices", ("matrix", "moved by", "most at"), [_change(moved, answer) for moved in answer.changes])}</section>
<section><h4>How the ranking moved</h4>{_ranking(answer)}</section></div></div>"""


def switches_html(answers: Mapping[str, Answer]) -> str:
    """What each switch moves alone, the strongest first, as a fragment of HTML that needs `what_if.css`.

    Args:
        answers: what is switched off -> the answer without it. An embedding moves by 1 less the cosine.
    """
    if not answers:
        return ""
    ordered = sorted(answers.items(), key=lambda item: item[1].similarity)
    most = max(1 - answer.similarity for _, answer in ordered) or 1.0
    rows = [
        f'<tr><th scope="row">{escape(name)}</th><td><span>{number(1 - answer.similarity)}</span>'
        f'<i style="--share: {(1 - answer.similarity) / most:.3f}"></i></td><td>{shift_words(answer.moves)}</td></tr>'
        for name, answer in ordered
    ]
    table = _table("Each switch alone", ("without", "embedding moves", "the ranking"), rows)
    return f'<div class="what-if what-if-alone"><h4>Each switch alone</h4>{table}</div>'


def shift_words(moves: Sequence[Move]) -> str:
    """How far a ranking moved, in a sentence."""
    ranked = [move for move in moves if move.rank_before is not None]
    if not ranked:
        return "there is no gallery to rank"
    steps = [abs(move.rank_after - move.rank_before) for move in ranked if move.rank_after and move.rank_before]
    left = sum(move.rank_after is None for move in ranked)
    moved = sum(step > 0 for step in steps) + left
    if not moved:
        return "stays as it is"
    first = next((move for move in ranked if move.rank_before == 1), None)
    kept = first is not None and first.rank_after == 1
    words = [f"{moved} of {len(ranked)} hits move"]
    if max(steps, default=0):
        words.append(f"by up to {max(steps)} {'place' if max(steps) == 1 else 'places'}")
    if left:
        words.append(f"and {left} leave the list")
    return f"{' '.join(words)}; the first hit {'stays' if kept else '<b>changes</b>'}"


def _table(name: str, heads: tuple[str, ...], rows: list[str]) -> str:
    """Keys can scroll it where it is wider than the screen, so it needs a name."""
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    return (
        f'<div class="what-if-scroll" tabindex="0" role="region" aria-label="{name}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _change(change: Change, answer: Answer) -> str:
    if change.name not in answer.matrices:
        return f'<tr><th scope="row">{change.name}</th><td>gone</td><td></td></tr>'
    bar = f'<i style="--share: {min(change.share, 1):.3f}"></i>'
    place = _place(change, answer.matrices[change.name]) if change.share else "–"
    return f'<tr><th scope="row">{change.name}</th><td><span>{change.share:.0%}</span>{bar}</td><td>{place}</td></tr>'


def _place(change: Change, matrix: np.ndarray) -> str:
    """ "left knee (t) ← left ankle (t−1), frame 3: 0.88 to −0.12"."""
    source, target = _ends(change.name)
    rows, columns = matrix.shape[1:]
    receiver = window_names(target, rows // part_count(target))[change.receiver]
    sender = window_names(source, columns // part_count(source))[change.sender]
    values = f"{number(change.before, 2)} to {number(change.after, 2)}"
    return f"{receiver} ← {sender}, frame {change.frame + 1}: {values}"


def _ends(name: str) -> tuple[Scale, Scale]:
    """Sending and receiving scale of "A_s1_l2" or "A_s1_s3"."""
    named = [scale for part in name.split("_") for scale in SCALES if part == scale]
    return named[0], named[-1]


def _ranking(answer: Answer) -> str:
    if not answer.moves:
        return "<p>There is no gallery to rank.</p>"
    heads = ("rank", "moved", "person", "camera", "similarity")
    table = _table("Ranking", heads, [_move(move) for move in answer.moves[:_MOVES]])
    return f'{table}<p class="what-if-note">The gallery stays as the full model embedded it.</p>'


def _move(move: Move) -> str:
    before, after = (
        "–" if value is None else number(value) for value in (move.similarity_before, move.similarity_after)
    )
    return (
        f'<tr><th scope="row">{move.rank_after or "–"}</th><td>{_moved(move)}</td><td>{escape(move.person)}</td>'
        f"<td>{escape(move.camera)}</td><td>{before} → {after}</td></tr>"
    )


def _moved(move: Move) -> str:
    if move.rank_before is None:
        return "new in the list"
    if move.rank_after is None:
        return f"left the list (was {move.rank_before})"
    up = move.rank_before - move.rank_after
    return "same place" if not up else f"▲ up {up}" if up > 0 else f"▼ down {-up}"
