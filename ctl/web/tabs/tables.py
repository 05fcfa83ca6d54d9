"""Tables tab: what the paper measured and what this checkpoint reaches, on other data, as bars and as numbers."""

import gradio as gr

from ctl.checkpoint import BUNDLED
from ctl.web import text
from ctl.web.tables import PAPER, bars_html, own_tables, tables_html


def lay_out() -> None:
    gr.HTML(text.line(text.EXPLAIN_TABLES))
    own = own_tables(BUNDLED)
    if own:
        gr.HTML(f"<h2>This checkpoint</h2>{tables_html(own)}", apply_default_css=False, elem_id="own-table")
    gr.HTML(
        f"<h2>The paper</h2>{''.join(map(bars_html, PAPER))}{tables_html(PAPER)}",
        apply_default_css=False,
        elem_id="paper-tables",
    )
