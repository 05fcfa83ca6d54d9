"""How the page looks: one theme from fonts that come with Gradio, and one style sheet."""

from pathlib import Path
from typing import Final

import gradio as gr
from gradio.themes.utils.fonts import LocalFont

from ctl.draw.palette import THEMES, css_variables

STYLE_SHEET: Final = Path(__file__).with_name("style.css")


def make_theme() -> gr.themes.Base:
    """Calm: one accent, greys, thin borders, no shadows. No font is fetched from elsewhere."""
    light, dark = THEMES["light"], THEMES["dark"]
    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.gray,
        radius_size=gr.themes.sizes.radius_md,
        font=[LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        body_background_fill=light.surface,
        body_background_fill_dark=dark.background,
        block_background_fill=light.background,
        block_background_fill_dark=dark.surface,
        body_text_color=light.text,
        body_text_color_dark=dark.text,
        body_text_color_subdued=light.muted,
        body_text_color_subdued_dark=dark.muted,
        block_label_text_color=light.muted,
        block_label_text_color_dark=dark.muted,
        block_border_width="1px",
        block_shadow="none",
        button_primary_background_fill=light.accent,
        button_primary_background_fill_dark=light.accent,
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        link_text_color=light.accent,
        link_text_color_dark=dark.accent,
    )


def make_css() -> str:
    """The style sheet after the palette's colours, as --ctl-accent and so on."""
    colours = f":root {{ {css_variables('light', 'ctl-')} }}\n.dark {{ {css_variables('dark', 'ctl-')} }}\n"
    return colours + STYLE_SHEET.read_text(encoding="utf-8")
